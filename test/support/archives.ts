import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Archive, type OpenOptions, openArchive } from "../../lib/archives";
import { type Digest, computeDigest, digestHex } from "../../lib/oci/digest";
import { ArchiveError } from "../../lib/errors/errors";
import { MEDIA_TYPE_OCI_INDEX, MEDIA_TYPE_OCI_MANIFEST } from "../../lib/oci/media-types";

const MEDIA_TYPE_DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
const MEDIA_TYPE_DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";

/** One entry of a tar, and what to do wrong in it. */
export interface TarSpec {
    readonly name: string;
    readonly body?: Buffer | string;
    /** Type byte; default "0". */
    readonly type?: string;
    readonly linkname?: string;
    /** The USTAR prefix field. */
    readonly prefix?: string;
    /** Written in place of the body's length. A string is put into the field as it is. */
    readonly size?: number | Buffer;
    /** The 8 bytes at 257; default "ustar\0" + "00". */
    readonly magic?: string;
    /** Added to the right checksum. */
    readonly checksumError?: number;
}

/** A 512-byte tar header. */
export function tarHeader(spec: TarSpec): Buffer {
    const header = Buffer.alloc(512);
    header.write(spec.name, 0, 100);
    header.write("0000644\0" + "0000000\0" + "0000000\0", 100, "latin1");
    const size = spec.size ?? Buffer.byteLength(spec.body ?? "");
    if (typeof size === "number") header.write(`${size.toString(8).padStart(11, "0")}\0`, 124, "latin1");
    else size.copy(header, 124);
    header.write("00000000000\0" + "        ", 136, "latin1");
    header.write(spec.type ?? "0", 156, "latin1");
    header.write(spec.linkname ?? "", 157, 100);
    header.write(spec.magic ?? "ustar\0" + "00", 257, "latin1");
    header.write(spec.prefix ?? "", 345, 155);
    const sum = header.reduce((total, byte) => total + byte, 0) + (spec.checksumError ?? 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
    return header;
}

/** Header and padded body. */
export function tarEntry(spec: TarSpec): Buffer {
    const body = Buffer.from(spec.body ?? "");
    return Buffer.concat([tarHeader(spec), body, Buffer.alloc((512 - (body.length % 512)) % 512)]);
}

/** A PAX extended header (`x`), or a global one (`g`). */
export function paxEntry(records: Readonly<Record<string, string>>, type: "x" | "g" = "x"): Buffer {
    const body = Object.entries(records)
        .map(([key, value]) => paxRecord(key, value))
        .join("");
    return tarEntry({ name: "PaxHeaders/0", type, body });
}

function paxRecord(key: string, value: string): string {
    const rest = ` ${key}=${value}\n`;
    let length = Buffer.byteLength(rest);
    while (length !== Buffer.byteLength(`${length}${rest}`)) length = Buffer.byteLength(`${length}${rest}`);
    return `${length}${rest}`;
}

/** A whole tar. Raw buffers (headers made wrong on purpose) are put in as they are; names over 100 bytes get PAX. */
export function tar(entries: readonly (TarSpec | Buffer)[], options: { readonly end?: boolean } = {}): Buffer {
    const blocks = entries.flatMap((entry) => {
        if (Buffer.isBuffer(entry)) return [entry];
        if (Buffer.byteLength(entry.name) <= 100) return [tarEntry(entry)];
        return [paxEntry({ path: entry.name }), tarEntry({ ...entry, name: entry.name.slice(0, 100) })];
    });
    return Buffer.concat([...blocks, Buffer.alloc(options.end === false ? 0 : 1024)]);
}

/** An image or index with everything it refers to, its bytes made from a seed. */
export interface TestImage {
    readonly digest: Digest;
    readonly mediaType: string;
    readonly manifest: Buffer;
    /** Config and layers, in the manifest's order. */
    readonly blobs: ReadonlyMap<Digest, Buffer>;
    readonly children: readonly TestImage[];
}

/** An image whose config and layers differ for every seed; `layers` are shared or special bytes. */
export function testImage(
    seed: string,
    options: {
        readonly layers?: readonly Buffer[];
        readonly docker?: boolean;
        readonly layerType?: string;
        readonly config?: Buffer;
    } = {},
): TestImage {
    const docker = options.docker === true;
    const mediaType = docker ? MEDIA_TYPE_DOCKER_MANIFEST : MEDIA_TYPE_OCI_MANIFEST;
    const labelled = JSON.stringify({ os: "linux", architecture: "amd64", config: { Labels: { seed } } });
    const config = options.config ?? Buffer.from(labelled);
    const layers = options.layers ?? [Buffer.from(`layer of ${seed} `.repeat(40))];
    const prefix = docker ? "application/vnd.docker" : "application/vnd.oci";
    const configType = docker ? `${prefix}.container.image.v1+json` : `${prefix}.image.config.v1+json`;
    const layerType =
        options.layerType ?? (docker ? `${prefix}.image.rootfs.diff.tar.gzip` : `${prefix}.image.layer.v1.tar+gzip`);
    const manifest = {
        schemaVersion: 2,
        mediaType,
        config: toDescriptor(config, configType),
        layers: layers.map((layer) => toDescriptor(layer, layerType)),
    };
    const blobs = new Map([config, ...layers].map((bytes) => [computeDigest(bytes), bytes]));
    return finish(mediaType, manifest, blobs, []);
}

/** An index (or a Docker manifest list) of images or indexes. */
export function testIndex(children: readonly TestImage[], options: { readonly docker?: boolean } = {}): TestImage {
    const mediaType = options.docker === true ? MEDIA_TYPE_DOCKER_LIST : MEDIA_TYPE_OCI_INDEX;
    const manifests = children.map((child, at) => ({
        ...toDescriptor(child.manifest, child.mediaType),
        platform: { os: "linux", architecture: ["amd64", "arm64", "s390x", "ppc64le"][at] ?? `cpu${at}` },
    }));
    return finish(mediaType, { schemaVersion: 2, mediaType, manifests }, new Map(), children);
}

function finish(
    mediaType: string,
    document: unknown,
    blobs: ReadonlyMap<Digest, Buffer>,
    children: readonly TestImage[],
): TestImage {
    const manifest = Buffer.from(JSON.stringify(document, undefined, 3));
    return { digest: computeDigest(manifest), mediaType, manifest, blobs, children };
}

function toDescriptor(bytes: Buffer, mediaType: string): { mediaType: string; digest: Digest; size: number } {
    return { mediaType, digest: computeDigest(bytes), size: bytes.length };
}

/** Manifest, blobs and all children, by digest. */
export function imageObjects(image: TestImage): Map<Digest, Buffer> {
    const all = [image, ...descendants(image)];
    return new Map(all.flatMap(({ digest, manifest, blobs }) => [[digest, manifest], ...blobs]));
}

/** An oc-mirror v2 archive to be made. */
export interface OcMirrorSpec {
    /** What the cache's tags point to. */
    readonly tags: readonly {
        readonly repository: string;
        readonly tag: string;
        readonly image: TestImage;
        /** What else the tag has pointed to since the cache was made. */
        readonly past?: readonly Digest[];
    }[];
    /** `name`s of `additionalImages`, or the whole text. */
    readonly imageSet?: readonly string[] | string;
    /** Brought by earlier archives: not in this one unless `present` names them. */
    readonly history?: Iterable<Digest>;
    /** Digests that are left out although no history names them. */
    readonly leaveOut?: Iterable<Digest>;
    /** More entries by name: `working-dir/dry-run/mapping.txt`, … */
    readonly files?: Readonly<Record<string, string | Buffer>>;
    /** Default `isc_2026-01-02T03:04:05Z`. */
    readonly imageSetName?: string;
}

const STORE = "docker/registry/v2";

/** The entry of a blob in an oc-mirror archive. */
export function ocMirrorBlobName(digest: Digest): string {
    return `${STORE}/blobs/sha256/${digestHex(digest).slice(0, 2)}/${digestHex(digest)}/data`;
}

/** The entry of a tag's link in an oc-mirror archive. */
export function ocMirrorTagName(repository: string, tag: string): string {
    return `${STORE}/repositories/${repository}/_manifests/tags/${tag}/current/link`;
}

/** The entry that says what a tag has pointed to at some time. */
function ocMirrorPastName(repository: string, tag: string, digest: Digest): string {
    return `${STORE}/repositories/${repository}/_manifests/tags/${tag}/index/sha256/${digestHex(digest)}/link`;
}

/** The entries of an oc-mirror v2 archive in the order that oc-mirror 4.20 writes: links, working-dir, isc, blobs. */
export function ocMirrorEntries(spec: OcMirrorSpec): TarSpec[] {
    const history = [...(spec.history ?? [])];
    const absent = new Set([...history, ...(spec.leaveOut ?? [])]);
    const objects = new Map(spec.tags.flatMap(({ image }) => [...imageObjects(image)]));
    const files = { ...spec.files };
    if (history.length > 0) files["working-dir/.history/.history-2026-01-01T00:00:00Z"] = `${history.join("\n")}\n`;
    return [
        ...spec.tags.flatMap(tagLinks),
        ...Object.entries(files).map(([name, body]) => ({ name, body })),
        { name: spec.imageSetName ?? "isc_2026-01-02T03:04:05Z", body: imageSetText(spec.imageSet ?? []) },
        ...[...objects]
            .filter(([digest]) => !absent.has(digest))
            .map(([digest, body]) => ({ name: ocMirrorBlobName(digest), body })),
    ];
}

/** The text of an image set configuration with these additional images. */
export function imageSetText(imageSet: readonly string[] | string): string {
    if (typeof imageSet === "string") return imageSet;
    const head =
        "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n  additionalImages:\n";
    return head + imageSet.map((name) => `  - name: ${name}\n`).join("");
}

function tagLinks({ repository, tag, image, past = [] }: OcMirrorSpec["tags"][number]): TarSpec[] {
    const root = `${STORE}/repositories/${repository}`;
    const links = [image, ...descendants(image)].flatMap((found) => [
        { name: `${root}/_manifests/revisions/sha256/${digestHex(found.digest)}/link`, body: found.digest },
        ...[...found.blobs.keys()].map((blob) => ({
            name: `${root}/_layers/sha256/${digestHex(blob)}/link`,
            body: blob,
        })),
    ]);
    return [
        ...links,
        { name: ocMirrorTagName(repository, tag), body: image.digest },
        ...[image.digest, ...past].map((digest) => ({ name: ocMirrorPastName(repository, tag, digest), body: digest })),
    ];
}

/** Everything below an index, each once: children may be shared at any depth. */
function descendants(image: TestImage): TestImage[] {
    const found = new Set(image.children);
    for (const one of found) for (const child of one.children) found.add(child);
    return [...found];
}

/** An image of an OCI layout and the annotations of its entry in `index.json`. */
export interface LayoutImage {
    readonly image: TestImage;
    /** `org.opencontainers.image.ref.name` */
    readonly name?: string;
    readonly annotations?: Readonly<Record<string, string>>;
}

/** The files of an OCI layout by path. */
export function ociLayoutFiles(images: readonly LayoutImage[], leaveOut: Iterable<Digest> = []): Map<string, Buffer> {
    const absent = new Set(leaveOut);
    const manifests = images.map(({ image, name, annotations }) => ({
        ...toDescriptor(image.manifest, image.mediaType),
        annotations: { ...(name === undefined ? {} : { "org.opencontainers.image.ref.name": name }), ...annotations },
    }));
    const objects = images.flatMap(({ image }) => [...imageObjects(image)]).filter(([digest]) => !absent.has(digest));
    return new Map([
        ["oci-layout", Buffer.from('{"imageLayoutVersion": "1.0.0"}')],
        ["index.json", Buffer.from(JSON.stringify({ schemaVersion: 2, manifests }))],
        ...objects.map(([digest, bytes]): [string, Buffer] => [`blobs/sha256/${digestHex(digest)}`, bytes]),
    ]);
}

/** A folder for the files of a test, by path; `remove` takes it away. */
export async function makeFolder(
    files: Iterable<readonly [string, Buffer]>,
): Promise<{ path: string; remove(): Promise<void> }> {
    const path = await mkdtemp(join(tmpdir(), "archives-"));
    for (const [name, bytes] of files) {
        await mkdir(dirname(join(path, name)), { recursive: true });
        await writeFile(join(path, name), bytes);
    }
    return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Folders and archives of a test, to be taken away after it with `clear`. */
export class ArchiveBench {
    readonly #folders: { remove(): Promise<void> }[] = [];
    readonly #opened: Archive[] = [];

    /** A folder with these files. @returns its path */
    async folder(files: Iterable<readonly [string, Buffer]> | Readonly<Record<string, Buffer>>): Promise<string> {
        const folder = await makeFolder(Symbol.iterator in files ? files : Object.entries(files));
        this.#folders.push(folder);
        return folder.path;
    }

    async open(paths: string | readonly string[], options?: OpenOptions): Promise<Archive> {
        const archive = await openArchive(paths, options);
        this.#opened.push(archive);
        return archive;
    }

    /** Opens a folder with these files, or the one that `path` names. */
    async openFiles(
        files: Iterable<readonly [string, Buffer]> | Readonly<Record<string, Buffer>>,
        path = ".",
    ): Promise<Archive> {
        return this.open(join(await this.folder(files), path));
    }

    async clear(): Promise<void> {
        await Promise.all(this.#opened.splice(0).map((archive) => archive.close()));
        await Promise.all(this.#folders.splice(0).map((folder) => folder.remove()));
    }
}

/** The error that a promise is refused with; fails if it is not an ArchiveError. */
export async function refusal(promise: Promise<unknown>): Promise<ArchiveError> {
    const error: unknown = await promise.then(
        () => undefined,
        (caught: unknown) => caught,
    );
    if (error instanceof ArchiveError) return error;
    throw new Error(`not refused with an ArchiveError: ${String(error)}`);
}
