import { inflateRawSync, inflateSync } from "node:zlib";
import { z } from "zod";
import { parseBoundedJson } from "../../../oci/bounded-json";
import type { Digest } from "../../../oci/digest";

/** What the message of a release signature says (containers/image, docs/atomic-signature.md). */
export interface SignedIdentity {
    /** The full name that was signed: `quay.io/openshift-release-dev/ocp-release:4.18.20-x86_64`. */
    readonly reference: string;
    readonly digest: Digest;
}

const message = z.looseObject({
    critical: z.looseObject({
        identity: z.looseObject({ "docker-reference": z.string() }),
        image: z.looseObject({ "docker-manifest-digest": z.string() }),
    }),
});

/** A message is a few hundred bytes; what unpacks to more is none. */
const MAX_MESSAGE_BYTES = 64 * 1024;
const [COMPRESSED, LITERAL] = [8, 11];
const [UNCOMPRESSED, ZIP, ZLIB] = [0, 1, 2];

/**
 * The name and digest in an OpenPGP signed message (RFC 4880, 4 and 5). Nothing is verified: that is the cluster's to do,
 * and here the name only counts for an image of just this digest.
 * @returns undefined if it is no such message
 */
export function signedIdentity(bytes: Buffer): SignedIdentity | undefined {
    try {
        const literal = literalData(bytes, 0);
        const parsed = message.safeParse(literal === undefined ? undefined : parseBoundedJson(literal));
        if (!parsed.success) return undefined;
        const { identity, image } = parsed.data.critical;
        return { reference: identity["docker-reference"], digest: image["docker-manifest-digest"] };
    } catch {
        return undefined;
    }
}

/** The data of the literal packet, which may lie in a compressed one. */
function literalData(bytes: Buffer, depth: number): Buffer | undefined {
    for (const { tag, body } of readPackets(bytes)) {
        if (tag === LITERAL) return body.subarray(2 + (body[1] ?? 0) + 4);
        if (tag === COMPRESSED && depth === 0) return literalData(unpacked(body), depth + 1);
    }
    return undefined;
}

function unpacked(body: Buffer): Buffer {
    const data = body.subarray(1);
    const options = { maxOutputLength: MAX_MESSAGE_BYTES };
    if (body[0] === UNCOMPRESSED) return data;
    if (body[0] === ZIP) return inflateRawSync(data, options);
    if (body[0] === ZLIB) return inflateSync(data, options);
    return Buffer.alloc(0);
}

function* readPackets(bytes: Buffer): Generator<{ readonly tag: number; readonly body: Buffer }> {
    for (let at = 0; at < bytes.length;) {
        const head = bytes[at] ?? 0;
        if ((head & 0x80) === 0) return;
        const isNew = (head & 0x40) !== 0;
        const tag = isNew ? head & 0x3f : (head & 0x3c) >> 2;
        const { body, end } = isNew ? newBody(bytes, at + 1) : oldBody(bytes, at + 1, head & 3);
        yield { tag, body };
        at = end;
    }
}

/** RFC 4880, 4.2.1: the length in 1, 2 or 4 bytes, or all that follows. */
function oldBody(bytes: Buffer, at: number, type: number): { body: Buffer; end: number } {
    if (type === 3) return { body: bytes.subarray(at), end: bytes.length };
    const width = 2 ** type;
    const start = at + width;
    const end = start + bytes.readUIntBE(at, width);
    return { body: bytes.subarray(start, end), end };
}

/** RFC 4880, 4.2.2: in pieces, if it begins with a partial length. */
function newBody(bytes: Buffer, from: number): { body: Buffer; end: number } {
    const pieces: Buffer[] = [];
    for (let at = from; ;) {
        const first = bytes.readUInt8(at);
        const isPartial = first >= 224 && first < 255;
        const width = first < 192 || isPartial ? 1 : first < 224 ? 2 : 5;
        const length =
            width === 5
                ? bytes.readUInt32BE(at + 1)
                : width === 2
                  ? ((first - 192) << 8) + bytes.readUInt8(at + 1) + 192
                  : isPartial
                    ? 1 << (first & 0x1f)
                    : first;
        const start = at + width;
        pieces.push(bytes.subarray(start, start + length));
        at = start + length;
        if (!isPartial) return { body: Buffer.concat(pieces), end: at };
    }
}
