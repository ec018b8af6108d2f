import { type KeyObject, createPublicKey, verify } from "node:crypto";
import { PassthroughError } from "../errors/errors";

/** Of ClusterImagePolicy (config.openshift.io/v1, PublicKey.keyData): base64 characters. */
const MAX_KEY_DATA = 8192;
const PEM = /^-----BEGIN PUBLIC KEY-----\r?\n[A-Za-z0-9+/=\r\n]+-----END PUBLIC KEY-----\n?$/;
/** Those of Go's crypto/x509; P-224 is not offered by sigstore. */
const CURVES = ["prime256v1", "secp384r1", "secp521r1"];
const MIN_RSA_BITS = 2048;

/**
 * Checks the public key of a policy as ClusterImagePolicy and the image library of nodes do: one PEM block `PUBLIC KEY`
 * with an ECDSA, RSA or Ed25519 key.
 * @returns the PEM text, ended by a line break
 * @throws PassthroughError `SIGNATURE_KEY_INVALID`
 */
export function checkedPublicKey(text: string): string {
    const pem = `${text.trim()}\n`;
    if (!PEM.test(pem)) {
        throw invalid("it is not one PEM block PUBLIC KEY, and nothing else", "cosign public-key writes one");
    }
    if (Buffer.from(pem).toString("base64").length > MAX_KEY_DATA) {
        throw invalid(`as base64 it has more than the ${MAX_KEY_DATA} characters that ClusterImagePolicy accepts`);
    }
    const key = readKey(pem);
    const type = key.asymmetricKeyType;
    const { namedCurve = "", modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
    if (type === "ec" && CURVES.includes(namedCurve)) return pem;
    if (type === "rsa" && modulusLength >= MIN_RSA_BITS) return pem;
    if (type === "ed25519") return pem;
    const found = type === "ec" ? `curve ${namedCurve}` : type === "rsa" ? `RSA of ${modulusLength} bits` : `${type}`;
    throw invalid(`nodes do not verify signatures with such a key (${found})`);
}

function readKey(pem: string): KeyObject {
    try {
        return createPublicKey(pem);
    } catch (cause) {
        throw invalid("its bytes are not a public key", undefined, cause);
    }
}

function invalid(problem: string, hint = "", cause?: unknown): PassthroughError {
    const fix = "give the PEM file of an ECDSA (P-256, P-384, P-521), RSA (2048 bits or more) or Ed25519 public key";
    return new PassthroughError(problem, {
        code: "SIGNATURE_KEY_INVALID",
        thing: "public key",
        fix: hint === "" ? fix : `${fix}; ${hint}`,
        cause,
    });
}

/**
 * True if the key's owner signed these bytes (sigstore/sigstore, `LoadVerifier` with SHA-256: ECDSA signatures are ASN.1,
 * RSA ones PKCS #1 v1.5, Ed25519 signs the bytes themselves).
 * @param pem of `checkedPublicKey`
 */
export function isSignedWith(pem: string, bytes: Uint8Array, signature: Uint8Array): boolean {
    const key = createPublicKey(pem);
    const algorithm = key.asymmetricKeyType === "ed25519" ? null : "sha256";
    try {
        return verify(algorithm, bytes, key, signature);
    } catch {
        // OpenSSL refuses to read some signatures that are none.
        return false;
    }
}
