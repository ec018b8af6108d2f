import { z } from "zod";
import { EXPOSURES, type RegistryAccounts } from "../../lib/openshift/deployed-registry";
import { connectionSecrets, registryConnection } from "../../lib/site";
import { clusterArgs, clusterSecrets } from "../cluster/cluster-kind";
import type { ResourceArgs } from "../lifecycle/dynamic-resource";
import { type CommonOutputs, commonInputs } from "../lifecycle/resource-kind";
import { type RegistryConnectionArgs, allTexts, connectionTexts } from "../registry/registry-kind";

const bucket = z.object({
    endpoint: z.string(),
    bucket: z.string(),
    region: z.string(),
    prefix: z.string().optional(),
    ca: z.string().optional(),
    pathStyle: z.boolean(),
});

const args = clusterArgs.extend({
    /** How the registry is reached when it is up. */
    registry: registryConnection,
    /** Secret. Absent: connections need no secret of their own. */
    connectionSecrets: connectionSecrets.optional(),
    /** `clusterOwner` of the cluster. */
    owner: z.string(),
    namespace: z.string(),
    /** By digest. */
    image: z.string(),
    expose: z.enum(EXPOSURES),
    storage: z.union([z.object({ bytes: z.number(), storageClass: z.string().optional() }), z.object({ s3: bucket })]),
    /** Secret: the account of the bucket. Absent: a volume has the content. */
    storageAccount: z.object({ accessKey: z.string(), secretKey: z.string() }).optional(),
    /** Absent: the cluster assigns one. */
    runAsUser: z.number().optional(),
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

export type RegistryDeploymentArgs = Omit<ResourceArgs<typeof args>, "registry"> & {
    readonly registry: RegistryConnectionArgs;
};
export type RegistryDeploymentInputs = Readonly<z.infer<typeof inputs>>;

export interface RegistryDeploymentOutputs extends RegistryDeploymentInputs, CommonOutputs {
    /** Secret. */
    readonly accounts: RegistryAccounts;
    /** It was set up to the end once: clusters may pull from it. Absent also in state of earlier versions. */
    readonly wasSetUp?: boolean | undefined;
    /** As `UsedRegistry` has them. */
    readonly clustersByHand?: readonly string[] | undefined;
    /** What a refresh found, or an update left, different from the inputs. */
    readonly differences: readonly string[];
}

export const registryDeploymentKind = {
    name: "registryDeployment",
    inputs,
    outputs: ["accounts", "wasSetUp", "clustersByHand", "differences"],
    secrets: {
        ...clusterSecrets,
        connectionSecrets: connectionTexts,
        key: connectionTexts,
        storageAccount: allTexts,
        accounts: allTexts,
    },
} as const;
