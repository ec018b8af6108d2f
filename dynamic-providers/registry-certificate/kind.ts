import { z } from "zod";
import type { ResourceArgs } from "../lifecycle/dynamic-resource";
import { type CommonOutputs, commonInputs } from "../lifecycle/resource-kind";
import { allTexts } from "../registry/registry-kind";

const args = z.object({
    /** Host names and IP addresses (without brackets) of the certificate. */
    hosts: z.array(z.string()).min(1),
    /** Former ones that it need not have any more; absent: it has none but `hosts`. */
    droppedHosts: z.array(z.string()).optional(),
    /** Days for which a certificate is valid. */
    lifetime: z.number().positive(),
    /** PEM of the CA that issues. */
    issuerCertificate: z.string(),
    /** Secret. PEM. */
    issuerKey: z.string(),
    /** When that CA expires; RFC 3339. */
    issuerEnds: z.string(),
});

const inputs = args.extend({
    ...commonInputs.shape,
    /** Those of before that it has beside `hosts`; derived by the provider, as the rest. */
    formerHosts: z.array(z.string()).optional(),
    /** How many certificates there were, with this one. */
    generation: z.number().int().positive().optional(),
    /** RFC 3339 */
    notBefore: z.string().optional(),
    notAfter: z.string().optional(),
});

export type RegistryCertificateArgs = ResourceArgs<typeof args>;
export type RegistryCertificateInputs = Readonly<z.infer<typeof inputs>>;

export interface RegistryCertificateOutputs extends RegistryCertificateInputs, CommonOutputs {
    /** PEM of the certificate. */
    readonly chain: string;
    /** Secret. PEM. */
    readonly key: string;
}

export const registryCertificateKind = {
    name: "registryCertificate",
    inputs,
    outputs: ["chain", "key"],
    secrets: { issuerKey: allTexts, key: allTexts },
} as const;
