import { deflateRawSync, deflateSync } from "node:zlib";
import { type Digest, digestHex } from "../../lib/oci/digest";
import type { TestImage } from "./archives";

/** Files of a working folder by their entries' names. */
export type WorkingFiles = Record<string, string | Buffer>;

/** What oc-mirror takes out of a release image, in the folder of its tag, or of its digest (`<hex>`). */
export function releaseFolder(
    tag: string,
    components: Readonly<Record<string, string>>,
    options: { readonly version?: string; readonly kubeVirt?: Readonly<Record<string, string>> } = {},
): WorkingFiles {
    const name = /^[0-9a-f]{64}$/.test(tag) ? "ocp-release@sha256" : "ocp-release";
    const folder = `working-dir/hold-release/${name}/${tag}/release-manifests`;
    const tags = Object.entries(components).map(([component, reference]) => ({
        name: component,
        from: { kind: "DockerImage", name: reference },
    }));
    const files: WorkingFiles = {
        [`${folder}/image-references`]: JSON.stringify({ kind: "ImageStream", spec: { tags } }),
    };
    if (options.version !== undefined) {
        files[`${folder}/release-metadata`] = JSON.stringify({ version: options.version });
    }
    if (options.kubeVirt !== undefined) {
        const architectures = Object.fromEntries(
            Object.entries(options.kubeVirt).map(([architecture, reference]) => [
                architecture,
                { images: { kubevirt: { release: "1", "digest-ref": reference } } },
            ]),
        );
        const stream = JSON.stringify({ architectures: { ...architectures, aarch64: { images: {} } } });
        files[`${folder}/0000_50_installer_coreos-bootimages.yaml`] =
            `kind: ConfigMap\ndata:\n  releaseVersion: x\n  stream: |\n    ${stream}\n`;
    }
    return files;
}

/** The update graph of a channel. */
export function graphFile(payloads: Readonly<Record<string, string>>): WorkingFiles {
    const nodes = Object.entries(payloads).map(([version, payload]) => ({ version, payload }));
    return { "working-dir/hold-release/cincinnati-graph-data/amd64-stable-4.18.json": JSON.stringify({ nodes }) };
}

/** How the signed text lies in its message. */
export type MessageForm = "zip" | "zlib" | "plain" | "partial";

/** An OpenPGP message (RFC 4880) as `gpg --sign` writes it, with a signature packet that signs nothing. */
export function signedMessage(reference: string, digest: Digest, form: MessageForm = "zip"): Buffer {
    const text = JSON.stringify({
        critical: {
            identity: { "docker-reference": reference },
            image: { "docker-manifest-digest": digest },
            type: "atomic container signature",
        },
    });
    const body = Buffer.concat([Buffer.from("b\x00\x00\x00\x00\x00", "latin1"), Buffer.from(text)]);
    const literal = form === "partial" ? partialPacket(11, body) : oldPacket(11, body);
    const signed = Buffer.concat([oldPacket(4, Buffer.alloc(13)), literal, oldPacket(2, Buffer.alloc(300))]);
    if (form === "zip") return Buffer.concat([Buffer.from([0xa3, 1]), deflateRawSync(signed)]);
    if (form === "zlib") return newPacket(8, Buffer.concat([Buffer.from([2]), deflateSync(signed)]));
    return signed;
}

/** Old format, the length in two bytes. */
function oldPacket(tag: number, body: Buffer): Buffer {
    const head = Buffer.from([0x80 | (tag << 2) | 1, 0, 0]);
    head.writeUInt16BE(body.length, 1);
    return Buffer.concat([head, body]);
}

/** New format, the length in five bytes. */
function newPacket(tag: number, body: Buffer): Buffer {
    const head = Buffer.from([0xc0 | tag, 0xff, 0, 0, 0, 0]);
    head.writeUInt32BE(body.length, 2);
    return Buffer.concat([head, body]);
}

/** New format in two pieces: 64 bytes, and the rest. */
function partialPacket(tag: number, body: Buffer): Buffer {
    const rest = body.length - 64;
    const length = rest < 192 ? [rest] : [192 + ((rest - 192) >> 8), (rest - 192) & 0xff];
    return Buffer.concat([
        Buffer.from([0xc0 | tag, 224 + 6]),
        body.subarray(0, 64),
        Buffer.from(length),
        body.subarray(64),
    ]);
}

/** The documents of a catalog with one bundle per list of images, the bundle's own first. */
export function catalogText(packages: Readonly<Record<string, readonly string[]>>): string {
    return Object.entries(packages)
        .flatMap(([name, [image, ...related]]) => [
            { schema: "olm.package", name, defaultChannel: "stable" },
            {
                schema: "olm.bundle",
                name: `${name}.v1`,
                package: name,
                image,
                relatedImages: [image, ...related].map((of) => ({ name: "", image: of })),
            },
        ])
        .map((document) => `${JSON.stringify(document, undefined, 4)}\n`)
        .join("");
}

/** The folder of a catalog of 4.18 or later: all that the original holds, and what a filter left of it. */
export function catalogFolder(
    name: string,
    original: TestImage,
    all: Readonly<Record<string, readonly string[]>>,
    filtered: { readonly tag: string; readonly packages: readonly string[] } | undefined = undefined,
): WorkingFiles {
    const folder = `working-dir/operator-catalogs/${name}/${digestHex(original.digest)}`;
    const of = (path: string, names: readonly string[]): [string, string][] =>
        names.map((each) => [`${folder}/${path}/${each}/catalog.json`, catalogText({ [each]: all[each] ?? [] })]);
    return Object.fromEntries([
        ...of("catalog-config/configs", Object.keys(all)),
        ...(filtered === undefined ? [] : of(`filtered-catalogs/${filtered.tag}/catalog-config`, filtered.packages)),
    ]);
}

/** The signature of a release as oc-mirror keeps it. */
export function signatureFile(tag: string, digest: Digest, message: Buffer): WorkingFiles {
    return { [`working-dir/signatures/${tag}-sha256-${digestHex(digest)}`]: message };
}
