import { z } from "zod";
import { connectionSecrets, registryConnection } from "../../lib/site";
import { clusterArgs, kubeconfigTexts } from "../cluster/cluster-kind";
import { type CommonOutputs, commonInputs } from "../lifecycle/resource-kind";
import { type RegistryResourceArgs, allTexts, connectionTexts } from "../registry/registry-kind";

const args = z.object({
    /** Whose CA it is: "project/stack". */
    owner: z.string(),
    /** Days for which a CA is valid. */
    caLifetime: z.number().positive(),
    /** Replaces the CA whenever it changes. */
    roll: z.string().optional(),
    /** Days that each step of a roll takes at least; 0: nobody gets anything by hand. */
    overlap: z.number().nonnegative(),
    /** The registry that shows certificates of this CA. State does not have it: see `site-certificate-authority/provider`. */
    registry: registryConnection.optional(),
    /** Secret. */
    connectionSecrets: connectionSecrets.optional(),
    /** Secret. The clusters that are written to. State does not have them. */
    clusters: z.array(clusterArgs).optional(),
});

const authority = z.object({
    generation: z.number().int().positive(),
    /** Hexadecimal. */
    serialNumber: z.string(),
    /** RFC 3339 */
    notBefore: z.string(),
    notAfter: z.string(),
});

/** `AuthorityPlan`, derived by the provider. */
const plan = z.object({
    authorities: z.array(authority).readonly(),
    issuer: z.number().int().positive(),
    since: z.string(),
    rolled: z.string().optional(),
});

const inputs = args.extend({
    ...commonInputs.shape,
    ...plan.partial().shape,
    /** By generation, PEM: those that were made. A refresh notes them, for the checks after it. */
    certificates: z.record(z.string(), z.string()).optional(),
});

export type SiteCertificateAuthorityArgs = RegistryResourceArgs<typeof args>;
export type SiteCertificateAuthorityInputs = Readonly<z.infer<typeof inputs>>;
export type PlannedInputs = SiteCertificateAuthorityInputs & Readonly<z.infer<typeof plan>>;

export interface SiteCertificateAuthorityOutputs extends SiteCertificateAuthorityInputs, CommonOutputs {
    /** By generation, PEM. */
    readonly certificates: Readonly<Record<string, string>>;
    /** Secret. By generation, PEM. */
    readonly keys: Readonly<Record<string, string>>;
    /** PEM of every CA that is to be trusted now. */
    readonly trusted: string;
    /** PEM of the CA that issues. */
    readonly issuerCertificate: string;
    /** Secret. PEM. */
    readonly issuerKey: string;
    /** When the CA that issues expires; RFC 3339. */
    readonly issuerEnds: string;
}

export const siteCertificateAuthorityKind = {
    name: "siteCertificateAuthority",
    inputs,
    outputs: ["keys", "trusted", "issuerCertificate", "issuerKey", "issuerEnds"],
    secrets: {
        keys: allTexts,
        issuerKey: allTexts,
        connectionSecrets: connectionTexts,
        clusters: (value: unknown) =>
            Array.isArray(value)
                ? value.flatMap((cluster: unknown) => kubeconfigTexts(Reflect.get(Object(cluster), "kubeconfig")))
                : allTexts(value),
    },
} as const;
