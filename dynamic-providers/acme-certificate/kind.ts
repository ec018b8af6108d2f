import { z } from "zod";
import { CHALLENGES } from "../../lib/acme/challenge";
import type { ResourceArgs } from "../lifecycle/dynamic-resource";
import { type CommonOutputs, commonInputs } from "../lifecycle/resource-kind";
import { allTexts } from "../registry/registry-kind";

const args = z.object({
    /** URL. */
    directory: z.string(),
    /** PEM of the CAs that issued the server's certificate, in addition to the public ones. */
    ca: z.string().optional(),
    /** URL. */
    account: z.string(),
    /** Secret. PEM. */
    accountKey: z.string(),
    /** Host names and IP addresses (without brackets) of the certificate. */
    hosts: z.array(z.string()).min(1),
    challenge: z.enum(CHALLENGES),
    /** Answers challenges; absent: there are none. */
    command: z.array(z.string()).min(1).optional(),
    /** PEM of the CAs one of which must have issued it; absent: public ones. */
    trusted: z.string().optional(),
});

const inputs = args.extend({
    ...commonInputs.shape,
    /** The day of the check, `2030-01-31`, which decides whether it is replaced; derived by the provider. */
    today: z.string().optional(),
    /** From when until when the present one is valid; RFC 3339. A refresh notes it, for the checks after it. */
    notBefore: z.string().optional(),
    notAfter: z.string().optional(),
});

export type AcmeCertificateArgs = ResourceArgs<typeof args>;
export type AcmeCertificateInputs = Readonly<z.infer<typeof inputs>>;

export interface AcmeCertificateOutputs extends AcmeCertificateInputs, CommonOutputs {
    readonly notBefore: string;
    readonly notAfter: string;
    /** PEM of the certificate, then its issuers. */
    readonly chain: string;
    /** Secret. PEM. */
    readonly key: string;
}

export const acmeCertificateKind = {
    name: "acmeCertificate",
    inputs,
    outputs: ["chain", "key"],
    secrets: { accountKey: allTexts, key: allTexts },
} as const;
