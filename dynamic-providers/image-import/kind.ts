import { z } from "zod";
import type { Digest } from "../../lib/oci/digest";
import { kubeconfigTexts } from "../cluster/cluster-kind";
import { type CommonOutputs, commonInputs } from "../lifecycle/resource-kind";
import {
    type RegistryResourceArgs,
    accountTexts,
    imageListInput,
    registryArgs,
    registrySecrets,
} from "../registry/registry-kind";

/** An archive on a volume of a cluster. */
const volumePlace = z
    .object({
        /** As in the resources of clusters. */
        cluster: z.string(),
        context: z.string().optional(),
        /** `clusterOwner` of the cluster. */
        owner: z.string(),
        namespace: z.string(),
        /** The PersistentVolumeClaim with the archive. */
        claim: z.string(),
        /** Pods that import side by side. */
        shards: z.number().int().positive(),
        runAsUser: z.number().optional(),
    })
    .readonly();

/** An archive on a host that is reached over SSH. */
const hostPlace = z
    .object({
        address: z.string(),
        port: z.number(),
        user: z.string(),
        hostKey: z.string(),
        /** Absent: the secret hostPrivateKey is used. */
        privateKeyFile: z.string().optional(),
        /** `<project>/<stack>` */
        owner: z.string(),
    })
    .readonly();

const args = registryArgs.extend({
    /** Files or folders of the set, from the project's root or absolute. */
    archive: z.array(z.string()).min(1).readonly(),
    /** The lock file. */
    lock: z.string(),
    /** The digest of the lock's content, as the program has read it. */
    lockDigest: z.string(),
    /** Source reference -> digest, as `formatImages` writes it. */
    images: imageListInput,
    /** Children that sparse indexes leave out on purpose. */
    sparse: z.array(z.string()).readonly(),
    /** Blobs uploaded at the same time. */
    concurrency: z.number().int().positive(),
    /** What happens to images that leave the set; absent (as in state of the first release): they are kept. */
    onRemove: z.enum(["keep", "delete"]).optional(),
    /** Locks of the site's other sets: what they name is not deleted. */
    otherLocks: z.array(z.string()).readonly().optional(),
    /** What is asked of signatures before images are pushed. Absent: nothing. */
    signatures: z
        .object({
            /** Of `formatSignatureRules`. */
            rules: z.string(),
            /** Names of the policies by which the set is not pushed if nodes will refuse an image of it. */
            refusing: z.array(z.string()).readonly(),
            /** The site's other sets in their order: signatures may come with them. */
            others: z.array(z.object({ archive: z.array(z.string()).readonly(), lock: z.string() })).readonly(),
        })
        .readonly()
        .optional(),
    /** Where the archive is; absent: on the machine that runs the program. */
    place: z.union([volumePlace, hostPlace]).optional(),
    /** Secret: of the cluster of `place`. */
    kubeconfig: z.string().optional(),
    /** Secret: what nodes pull the image of the import with; where that is in a cluster. */
    puller: z.object({ username: z.string(), password: z.string() }).optional(),
});
const inputs = args.extend(commonInputs.shape);

export type ImageImportArgs = RegistryResourceArgs<typeof args>;
export type ImageImportInputs = Readonly<z.infer<typeof inputs>>;

/** `images` in state are those that are in the registry: fewer than the inputs' after a run that ended early. */
export interface ImageImportOutputs extends ImageImportInputs, CommonOutputs {
    /** Images that a refresh found broken: that their tag exists proves nothing. */
    readonly incomplete: readonly string[];
    /**
     * A refresh could not look, since the registry rejected the robot account or, as one of the program's own, was broken: the
     * next update looks at all images.
     */
    readonly unseen?: boolean | undefined;
    /** Images that have left the set and are still to be removed: source reference -> digest. */
    readonly leaving?: Readonly<Record<string, Digest>> | undefined;
    /**
     * When an `up` last imported images of the set, RFC 3339: all that state has were in the registry then. Absent in state of
     * earlier versions.
     */
    readonly importedAt?: string | undefined;
}

export const imageImportKind = {
    name: "imageImport",
    inputs,
    outputs: ["incomplete"],
    secrets: { ...registrySecrets, kubeconfig: kubeconfigTexts, puller: accountTexts },
} as const;
