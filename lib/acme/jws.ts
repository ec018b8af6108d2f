import {
    type KeyObject,
    createHash,
    createHmac,
    createPrivateKey,
    createPublicKey,
    generateKeyPairSync,
    sign,
} from "node:crypto";

/** A JWK of RFC 7517: the public half of an account key (P-256). */
interface PublicJwk {
    readonly crv: string;
    readonly kty: string;
    readonly x: string;
    readonly y: string;
}

/** Who signs a request, RFC 8555 §6.2: the account by its URL, or by its key while it has none. */
export interface Signer {
    /** Secret. PEM, PKCS #8. */
    readonly key: string;
    /** URL of the account; absent: it is being made. */
    readonly account?: string | undefined;
}

/** The key of an account that somebody has at the CA's operator, RFC 8555 §7.3.4. */
export interface ExternalAccount {
    readonly keyId: string;
    /** Secret: base64url. */
    readonly macKey: string;
}

/** A new account key, ECDSA P-256: secret, PEM, PKCS #8. */
export function newAccountKey(): string {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    return privateKey.export({ format: "pem", type: "pkcs8" }).toString();
}

/** A request body as flattened JWS, RFC 8555 §6.2. @param payload undefined: POST-as-GET (§6.3) */
export function signedBody(signer: Signer, url: string, nonce: string, payload: object | undefined): string {
    const key = createPrivateKey(signer.key);
    const identity = signer.account === undefined ? { jwk: publicJwk(key) } : { kid: signer.account };
    const body = protectedBody({ alg: "ES256", ...identity, nonce, url }, payload);
    const input = Buffer.from(`${body.protected}.${body.payload}`);
    return JSON.stringify({ ...body, signature: base64url(sign("sha256", input, { key, dsaEncoding: "ieee-p1363" })) });
}

/** What binds a new account to one that exists, RFC 8555 §7.3.4. */
export function externalBinding(accountKey: string, { keyId, macKey }: ExternalAccount, url: string): object {
    const body = protectedBody({ alg: "HS256", kid: keyId, url }, publicJwk(createPrivateKey(accountKey)));
    const mac = createHmac("sha256", Buffer.from(macKey, "base64url"));
    return { ...body, signature: base64url(mac.update(`${body.protected}.${body.payload}`).digest()) };
}

/** RFC 8555 §8.1: what a challenge is answered with. */
export function keyAuthorization(accountKey: string, token: string): string {
    const { crv, kty, x, y } = publicJwk(createPrivateKey(accountKey));
    // RFC 7638: these members alone, in the order of their names.
    const thumbprint = createHash("sha256").update(JSON.stringify({ crv, kty, x, y })).digest();
    return `${token}.${base64url(thumbprint)}`;
}

export function base64url(bytes: Buffer | string): string {
    return Buffer.from(bytes).toString("base64url");
}

function protectedBody(header: object, payload: object | undefined) {
    return {
        protected: base64url(JSON.stringify(header)),
        payload: payload === undefined ? "" : base64url(JSON.stringify(payload)),
    };
}

function publicJwk(key: KeyObject): PublicJwk {
    const { crv = "", kty = "", x = "", y = "" } = createPublicKey(key).export({ format: "jwk" });
    return { crv, kty, x, y };
}
