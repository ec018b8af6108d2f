import { z } from "zod";
import { connectionSecrets, registryConnection } from "../../lib/site";
import type { InstallationSecrets } from "../../lib/installers";
import type { AdminCredentials } from "../../lib/registries";
import type { ResourceArgs } from "../lifecycle/dynamic-resource";
import { type CommonOutputs, commonInputs } from "../lifecycle/resource-kind";
import { type RegistryConnectionArgs, accountTexts, allTexts, connectionTexts } from "../registry/registry-kind";

const args = z.object({
    /** How the registry is reached when it is up. */
    registry: registryConnection,
    /** Secret. Absent: connections need no secret of their own. */
    connectionSecrets: connectionSecrets.optional(),
    /** Project and stack, with the site where a program has several. */
    owner: z.string(),
    /** The host, over SSH. */
    host: z.object({ address: z.string(), port: z.number(), user: z.string(), hostKey: z.string() }),
    /** Secret: what it is logged in to with. */
    login: z.object({ privateKey: z.string(), passphrase: z.string().optional() }),
    /** Folder on the host for all of it. */
    directory: z.string(),
    /** Port that Harbor redirects from. */
    httpPort: z.number(),
    installer: z.object({ path: z.string(), isOnHost: z.boolean(), sha256: z.string(), version: z.string() }),
    /** PEM of the certificate that the registry shows, with its issuers. */
    chain: z.string(),
    /** Secret: its private key. */
    key: z.string(),
    /** Whether the content goes when the registry is removed. */
    deleteContent: z.boolean(),
});

const inputs = args.extend(commonInputs.shape);

export type RegistryInstallationArgs = Omit<ResourceArgs<typeof args>, "registry"> & {
    readonly registry: RegistryConnectionArgs;
};
export type RegistryInstallationInputs = Readonly<z.infer<typeof inputs>>;

export interface RegistryInstallationOutputs extends RegistryInstallationInputs, CommonOutputs {
    /** Secret: the administrator's account. */
    readonly admin: AdminCredentials;
    /** Secret: what the installation was made with. */
    readonly secrets: InstallationSecrets;
    /**
     * The checks that send something were not made to the end yet. True: nothing is mirrored to it before; "ran before": what
     * they find is a warning, since clusters may use it.
     */
    readonly isUnchecked?: true | "ran before" | undefined;
    /** As `UsedRegistry` has them. */
    readonly clustersByHand?: readonly string[] | undefined;
    /** What a refresh found, or an update left, different from the inputs. */
    readonly differences: readonly string[];
}

export const registryInstallationKind = {
    name: "registryInstallation",
    inputs,
    outputs: ["admin", "secrets", "isUnchecked", "clustersByHand", "differences"],
    secrets: {
        connectionSecrets: connectionTexts,
        login: connectionTexts,
        key: connectionTexts,
        admin: accountTexts,
        secrets: allTexts,
    },
} as const;
