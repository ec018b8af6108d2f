import { computeDigest } from "../oci/digest";
import { parsePayload } from "./payload";
import type { SignaturePolicy } from "./policy";
import { isSignedWith } from "./public-key";
import { matchesIdentity } from "./signed-identity";
import type { SignedName } from "./signed-name";

/** A layer of the manifest under a tag `sha256-<hex>.sig`. */
export interface StoredSignature {
    readonly mediaType: string;
    readonly payload: Buffer;
    readonly annotations: Readonly<Record<string, string>>;
}

/** What a node checks signatures against. */
export interface SignedImage {
    /** Upstream name with the digest or the tag that is pulled. */
    readonly pulled: SignedName;
    /** Of the manifest that the node runs: of an index, that of its platform. */
    readonly manifest: Buffer;
}

/** Media type of a cosign signature; other layers are attachments that are no signatures. */
const SIGNATURE_MEDIA_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json";
const SIGNATURE_ANNOTATION = "dev.cosignproject.cosign/signature";
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * Why a node refuses an image under a policy, as `isRunningImageAllowed` of go.podman.io/image decides
 * (signature/policy_eval_sigstore.go); undefined if one of the signatures satisfies the policy.
 */
export function refusal(
    policy: SignaturePolicy,
    image: SignedImage,
    stored: readonly StoredSignature[],
): string | undefined {
    const signatures = stored.filter(({ mediaType }) => mediaType === SIGNATURE_MEDIA_TYPE);
    if (signatures.length === 0) return "it is not signed";
    const problems = signatures.map((signature) => signatureProblem(policy, image, signature));
    if (problems.includes(undefined)) return undefined;
    return [...new Set(problems)].join("; ");
}

/** True if a signature of the image was made with the policy's key, whatever else the policy requires. */
export function isSignedBy(policy: SignaturePolicy, stored: readonly StoredSignature[]): boolean {
    return stored.some((signature) => signature.mediaType === SIGNATURE_MEDIA_TYPE && hasValidBytes(policy, signature));
}

/** Number of signatures among what is stored under the tag. */
export function countSignatures(stored: readonly StoredSignature[]): number {
    return stored.filter(({ mediaType }) => mediaType === SIGNATURE_MEDIA_TYPE).length;
}

function signatureProblem(
    policy: SignaturePolicy,
    { pulled, manifest }: SignedImage,
    signature: StoredSignature,
): string | undefined {
    if (!hasValidBytes(policy, signature)) return "it is not signed with the key of the policy";
    const payload = parsePayload(signature.payload);
    if (payload === undefined) return "its signature has no payload of cosign's form";
    // The image library computes no digest but that of SHA-256 (internal/manifest, MatchesDigest).
    if (computeDigest(manifest) !== payload.digest) return `its signature is for another image (${payload.digest})`;
    if (matchesIdentity(policy.signedIdentity, pulled, payload.reference)) return undefined;
    const { matchPolicy } = policy.signedIdentity;
    return `it is signed as ${JSON.stringify(payload.reference)}, which ${matchPolicy} does not accept`;
}

function hasValidBytes({ publicKey }: SignaturePolicy, { payload, annotations }: StoredSignature): boolean {
    // Go's decoder skips line breaks and nothing else.
    const text = annotations[SIGNATURE_ANNOTATION]?.replace(/[\r\n]/g, "");
    if (text === undefined || !BASE64.test(text)) return false;
    return isSignedWith(publicKey, payload, Buffer.from(text, "base64"));
}
