import { type KeyObject, generateKeyPairSync } from "node:crypto";

/** A key as it signs, and as policies have it. */
export interface SigningKey {
    readonly privateKey: KeyObject;
    /** PEM. */
    readonly publicKey: string;
}

/** @param type default: what cosign generates */
export function signingKey(type: "p256" | "p384" | "rsa" | "ed25519" = "p256"): SigningKey {
    const { privateKey, publicKey } =
        type === "rsa"
            ? generateKeyPairSync("rsa", { modulusLength: 2048 })
            : type === "ed25519"
              ? generateKeyPairSync("ed25519")
              : generateKeyPairSync("ec", { namedCurve: type === "p256" ? "P-256" : "P-384" });
    return { privateKey, publicKey: publicKey.export({ type: "spki", format: "pem" }).toString() };
}
