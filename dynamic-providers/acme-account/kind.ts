import { z } from "zod";
import type { ResourceArgs } from "../lifecycle/dynamic-resource";
import { type CommonOutputs, commonInputs } from "../lifecycle/resource-kind";
import { allTexts } from "../registry/registry-kind";

const args = z.object({
    /** URL. */
    directory: z.string(),
    /** PEM of the CAs that issued the server's certificate, in addition to the public ones. */
    ca: z.string().optional(),
    /** Whom the server writes to. */
    email: z.string().optional(),
    /** Secret. The account at the CA's operator that it is bound to, once, when it is made. */
    external: z.object({ keyId: z.string(), macKey: z.string() }).optional(),
});

const inputs = args.extend(commonInputs.shape);

export type AcmeAccountArgs = ResourceArgs<typeof args>;
export type AcmeAccountInputs = Readonly<z.infer<typeof inputs>>;

export interface AcmeAccountOutputs extends AcmeAccountInputs, CommonOutputs {
    /** URL of the account. */
    readonly url: string;
    /** Secret. PEM. */
    readonly key: string;
}

export const acmeAccountKind = {
    name: "acmeAccount",
    inputs,
    outputs: ["url", "key"],
    secrets: { external: allTexts, key: allTexts },
} as const;
