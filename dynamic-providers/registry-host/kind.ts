import { z } from "zod";
import type { RegistryAccounts } from "../../lib/openshift/deployed-registry";
import { connectionSecrets, registryConnection } from "../../lib/site";
import { clusterArgs, kubeconfigTexts } from "../cluster/cluster-kind";
import type { ResourceArgs } from "../lifecycle/dynamic-resource";
import { type CommonOutputs, commonInputs } from "../lifecycle/resource-kind";
import { type RegistryConnectionArgs, allTexts, connectionTexts } from "../registry/registry-kind";

const args = z.object({
    host: z.object({ address: z.string(), port: z.number(), user: z.string(), hostKey: z.string() }),
    /** Secret. */
    login: z.object({ privateKey: z.string(), passphrase: z.string().optional() }),
    /** How the registry is reached when it is up. */
    registry: registryConnection,
    /** Secret. Absent: connections need no secret of their own. */
    connectionSecrets: connectionSecrets.optional(),
    /** `<project>/<stack>`, with the site's name where a program has several. */
    owner: z.string(),
    directory: z.string(),
    /** The provider finds out the version of a file: sha256 of what is in it. */
    image: z.union([
        z.object({ reference: z.string() }),
        z.object({ file: z.string(), version: z.string().optional() }),
        z.object({ fileOnHost: z.string() }),
    ]),
    /** Addresses and ranges; empty, without `nodesOf`: everybody reaches it. */
    allowedFrom: z.array(z.string()),
    /** Secret: the clusters whose nodes reach it, too, and how they are read; absent: `allowedNodes` is off. */
    nodesOf: z.array(clusterArgs.omit({ version: true })).optional(),
    /** Any text: another one replaces both accounts. */
    rotate: z.string().optional(),
    /** PEM of the certificate that the registry shows, with its issuers. */
    chain: z.string(),
    /** Secret: its private key. */
    key: z.string(),
    /** Whether the content goes when the registry is removed. */
    deleteContent: z.boolean(),
});

const inputs = args.extend(commonInputs.shape);

export type RegistryHostArgs = Omit<ResourceArgs<typeof args>, "registry"> & {
    readonly registry: RegistryConnectionArgs;
};
export type RegistryHostInputs = Readonly<z.infer<typeof inputs>>;

export interface RegistryHostOutputs extends RegistryHostInputs, CommonOutputs {
    /** Secret. */
    readonly accounts: RegistryAccounts;
    /** machine-id(5) of the host that has the content. */
    readonly machineId: string;
    /**
     * By name of the cluster, the addresses of its nodes that were let in, also of clusters that have left; absent in state of
     * earlier versions.
     */
    readonly nodes?: NodeAddresses | undefined;
    /** What was found out about the host when the registry was set up; absent: it did not come that far. */
    readonly installed?: InstalledRegistry | undefined;
    /** What the last run brought, if it was not completed: its archive need not be there again. */
    readonly brought?: BroughtImage | undefined;
    /** As `UsedRegistry` has them. */
    readonly clustersByHand?: readonly string[] | undefined;
    /** What a refresh found, or an update left, different from the inputs. */
    readonly differences: readonly string[];
}

/** By name of the cluster, the addresses of its nodes. */
export type NodeAddresses = Readonly<Record<string, readonly string[]>>;

/** Id of an image that the host has, and where it came from. */
export interface BroughtImage {
    readonly imageId: string;
    readonly image: RegistryHostInputs["image"];
}

/** The image is the one that runs. */
export interface InstalledRegistry extends BroughtImage {
    /** Path of the program. */
    readonly podman: string;
    /** Hash of the rules for who reaches it; absent: there are none. */
    readonly rules?: string | undefined;
    /** As `unitHashes` gives them; absent in state of earlier versions. */
    readonly units?: Readonly<Record<string, string>> | undefined;
    /** An update after it was not completed: what it has left cannot be told from what is to be. */
    readonly isOutdated?: true | undefined;
}

export const registryHostKind = {
    name: "registryHost",
    inputs,
    outputs: ["accounts", "machineId", "nodes", "installed", "brought", "clustersByHand", "differences"],
    secrets: {
        ...{ login: connectionTexts, connectionSecrets: connectionTexts, key: connectionTexts, accounts: allTexts },
        nodesOf: nodeSourceTexts,
    },
} as const;

/** The texts that give the kubeconfigs away. */
function nodeSourceTexts(value: unknown): readonly string[] {
    const sources = z.array(z.looseObject({ kubeconfig: z.unknown() })).safeParse(value);
    return sources.success ? sources.data.flatMap(({ kubeconfig }) => kubeconfigTexts(kubeconfig)) : allTexts(value);
}
