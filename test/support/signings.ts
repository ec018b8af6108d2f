import { createHash } from "node:crypto";
import type { Digest } from "../../lib/oci/digest";
import { type SignatureLayer, cosignPayload, signatureLayer, signatureOf } from "./signed-registry";
import { signingKey } from "./signing-key";

export const KEYS = {
    a: signingKey(),
    b: signingKey(),
    rsa: signingKey("rsa"),
    ed: signingKey("ed25519"),
    p384: signingKey("p384"),
};
export type KeyName = keyof typeof KEYS;
export const KEY_NAMES = Object.keys(KEYS) as KeyName[];

/** Signatures of an image, stored under its tag. */
export type Signing = (name: string, tag: string, digest: Digest) => readonly SignatureLayer[];
/** As a node wants it. */
export const good: Signing = (name, tag, digest) => [signatureLayer(KEYS.a, cosignPayload(digest, `${name}:${tag}`))];
const altered =
    (change: (layer: SignatureLayer) => SignatureLayer): Signing =>
    (name, tag, digest) =>
        good(name, tag, digest).map(change);
const signedText =
    (text: (name: string, digest: Digest) => string): Signing =>
    (name, _tag, digest) => [signatureLayer(KEYS.a, Buffer.from(text(name, digest)))];
const withChanges =
    (changes: object): Signing =>
    (name, tag, digest) => [signatureLayer(KEYS.a, cosignPayload(digest, `${name}:${tag}`, changes))];
const withCritical =
    (change: (critical: Record<string, unknown>) => object): Signing =>
    (name, tag, digest) => {
        const { critical } = JSON.parse(cosignPayload(digest, `${name}:${tag}`).toString()) as {
            critical: Record<string, unknown>;
        };
        return withChanges({ critical: change(critical) })(name, tag, digest);
    };
const annotated = (change: (signature: string) => string | undefined): Signing =>
    altered(({ payload }) => {
        const signature = change(signatureOf(KEYS.a, payload));
        return signature === undefined
            ? { payload }
            : { payload, annotations: { "dev.cosignproject.cosign/signature": signature } };
    });
/** A digest of another algorithm. */
export const hashed = (algorithm: string, bytes: Buffer) =>
    `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;

/** What may be under the tag of an image's signatures, by what it is. */
export const SIGNINGS: Record<string, Signing> = {
    good,
    ...Object.fromEntries(
        KEY_NAMES.map((key): [string, Signing] => [
            `key ${key}`,
            (name, tag, digest) => [signatureLayer(KEYS[key], cosignPayload(digest, `${name}:${tag}`))],
        ]),
    ),
    "wrong key first, then the right one": (name, tag, digest) =>
        [KEYS.b, KEYS.a].map((key) => signatureLayer(key, cosignPayload(digest, `${name}:${tag}`))),
    "two wrong ones": (name, tag, digest) => [
        signatureLayer(KEYS.a, cosignPayload(digest, "quay.io/other/app:1.0")),
        signatureLayer(KEYS.b, cosignPayload(digest, `${name}:${tag}`)),
    ],
    "payload changed after signing": altered((layer) => ({
        ...layer,
        payload: Buffer.concat([layer.payload, Buffer.from(" ")]),
    })),
    "another image's signature": (name, tag) => [
        signatureLayer(KEYS.a, cosignPayload(`sha256:${"1".repeat(64)}`, `${name}:${tag}`)),
    ],
    "creator and timestamp": withChanges({ optional: { creator: "me", timestamp: 1700000000, other: { a: 1 } } }),
    "fraction of a second": withChanges({ optional: { timestamp: 1.5 } }),
    "creator is a number": withChanges({ optional: { creator: 1 } }),
    "optional is a list": withChanges({ optional: [] }),
    "null creator": withChanges({ optional: { creator: null, timestamp: null } }),
    "another field": withChanges({ more: 1 }),
    "no optional": signedText(
        (name, digest) =>
            `{"critical":${JSON.stringify({ identity: { "docker-reference": name }, image: { "docker-manifest-digest": digest }, type: "cosign container image signature" })}}`,
    ),
    "another type": withCritical((critical) => ({ ...critical, type: "atomic container signature" })),
    "critical has more": withCritical((critical) => ({ ...critical, more: 1 })),
    "name is null": withCritical((critical) => ({ ...critical, identity: { "docker-reference": null } })),
    "digest of no algorithm": withCritical((critical) => ({
        ...critical,
        image: { "docker-manifest-digest": "md5:00" },
    })),
    "a key twice": signedText(
        (name, digest) =>
            `{"critical":{"identity":{"docker-reference":"${name}:1.0"},"image":{"docker-manifest-digest":"${digest}"},"type":"cosign container image signature"},"optional":null,"optional":null}`,
    ),
    "no JSON": signedText(() => "signed"),
    "two documents": signedText((name, digest) => `${cosignPayload(digest, `${name}:1.0`).toString()} {}`),
    "space around": signedText((name, digest) => ` ${cosignPayload(digest, `${name}:1.0`).toString()}\n`),
    "no annotation": annotated(() => undefined),
    "not base64": annotated((signature) => `!${signature.slice(1)}`),
    "base64 with line breaks": annotated((signature) => `${signature.slice(0, 20)}\r\n${signature.slice(20)}\n`),
    "base64 with a space": annotated((signature) => `${signature.slice(0, 20)} ${signature.slice(20)}`),
    "base64 without padding": annotated((signature) => signature.replace(/=+$/, "")),
    "bytes after the signature": annotated((signature) =>
        Buffer.concat([Buffer.from(signature, "base64"), Buffer.from([0])]).toString("base64"),
    ),
    "an empty signature": annotated(() => ""),
    "an attachment only": altered((layer) => ({ ...layer, mediaType: "application/vnd.dsse.envelope.v1+json" })),
    "an attachment before it": (name, tag, digest) => [
        { payload: Buffer.from("{}"), mediaType: "application/vnd.dsse.envelope.v1+json" },
        ...good(name, tag, digest),
    ],
    "no layer": () => [],
};
