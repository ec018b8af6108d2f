import { z } from "zod";
import { findDuplicateKey } from "../oci/duplicate-keys";
import { parseBoundedJson } from "../oci/bounded-json";
import { isComputableDigest } from "./signed-name";

/** What a signature is about: its signed bytes, read. */
export interface SignedPayload {
    readonly digest: string;
    /** The name under which it was signed. */
    readonly reference: string;
}

const TYPE = "cosign container image signature";

/** Exact fields, as the image library requires them (go.podman.io/image, signature/internal/sigstore_payload.go). */
const payload = z.strictObject({
    critical: z.strictObject({
        type: z.literal(TYPE),
        image: z.strictObject({ "docker-manifest-digest": z.string().refine(isComputableDigest) }),
        // Go reads null as an empty name, which no policy matches.
        identity: z.strictObject({ "docker-reference": z.string().nullable() }),
    }),
    // cosign writes null where nobody gave annotations.
    optional: z
        .looseObject({
            creator: z.string().nullable().optional(),
            timestamp: z.number().refine(Number.isInteger).nullable().optional(),
        })
        .nullable(),
});

/**
 * Reads the signed bytes of a cosign signature ("simple signing").
 * @returns undefined for bytes that nodes refuse, whoever signed them
 */
export function parsePayload(bytes: Buffer): SignedPayload | undefined {
    const text = bytes.toString("utf8");
    let document: unknown;
    try {
        document = parseBoundedJson(text);
    } catch {
        return undefined;
    }
    const parsed = payload.safeParse(document);
    if (!parsed.success || findDuplicateKey(text) !== undefined) return undefined;
    const { image, identity } = parsed.data.critical;
    return { digest: image["docker-manifest-digest"], reference: identity["docker-reference"] ?? "" };
}
