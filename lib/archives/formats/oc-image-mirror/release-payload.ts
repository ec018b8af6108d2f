import { parseBoundedJson } from "../../../oci/bounded-json";
import { z } from "zod";
import type { ErrorCode } from "../../../errors/codes";
import type { BlobSource } from "../../../mirror/image-set";
import type { Digest } from "../../../oci/digest";
import { ArchiveError, PassthroughError, errorMessage } from "../../../errors/errors";
import { type Descriptor, parseManifest } from "../../../oci/manifest";
import { isIndexMediaType } from "../../../oci/media-types";
import { type Reference, parseReference } from "../../../oci/reference";
import { decompressor } from "../../packed/decompressor";
import { compressionIn } from "../../packed/compression";
import { unpackLimit } from "../../packed/unpacked-bytes";
import { TarHeaderError } from "../../tar/header";
import { readStreamedFiles } from "../../tar/streamed-files";
import { imageReferences, payloadRepository, releaseMetadata } from "../oc-mirror/release-documents";
import { type MirroredManifest, type NamedCandidate, mirroredName } from "./candidate";
import type { ReleaseSignatures } from "./release-signatures";

const REFERENCES = "release-manifests/image-references";
const METADATA = "release-manifests/release-metadata";

/** A release image of the archive, and what its content says of the images that it is made of. */
export interface ReleasePayload {
    readonly image: MirroredManifest;
    /** `4.18.20`; absent if it does not say. */
    readonly version?: string;
    /** The upstream names of its components, by digest. */
    readonly components: ReadonlyMap<Digest, readonly Reference[]>;
}

/**
 * The release images among the images of an archive: `oc adm release mirror` files a release as `<tag>` and its components
 * as `<tag>-<component>`, and the release holds `image-references`, which names every component by digest.
 * @param notes takes what cannot be read
 */
export async function readPayloads(
    images: readonly MirroredManifest[],
    source: BlobSource,
    notes: string[],
): Promise<ReleasePayload[]> {
    const payloads: ReleasePayload[] = [];
    for (const image of images.filter((one) => isReleaseTag(one, images))) {
        try {
            const files = await releaseFiles(image.digest, source);
            const payload = files === undefined ? undefined : parsePayload(image, files);
            if (payload !== undefined) payloads.push(payload);
        } catch (error) {
            if (!isAboutContent(error)) throw error;
            notes.push(`${mirroredName(image)}: its image-references cannot be read (${errorMessage(error)})`);
        }
    }
    return payloads;
}

const CONTENT_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
    "ARCHIVE_CORRUPT",
    "ARCHIVE_FORMAT_UNSUPPORTED",
    "ARCHIVE_TOO_LARGE",
    "MANIFEST_INVALID",
    "REFERENCE_INVALID",
]);

/** Files that are not those of a release; a medium that cannot be read is another matter. */
function isAboutContent(error: unknown): boolean {
    if (error instanceof PassthroughError) return CONTENT_CODES.has(error.code);
    return error instanceof z.ZodError || error instanceof SyntaxError;
}

/** The upstream names that the releases of an archive give one of its images. */
export function releaseCandidates(
    image: MirroredManifest,
    payloads: readonly ReleasePayload[],
    signatures: ReleaseSignatures,
): NamedCandidate[] {
    const { repository, tag, digest } = image;
    const named = ({ registry, repository: path }: Pick<Reference, "registry" | "repository">): Reference => ({
        registry,
        repository: path,
        ...(tag === undefined ? {} : { tag }),
        digest,
    });
    return payloads
        .filter((payload) => payload.image.repository === repository)
        .flatMap((payload): NamedCandidate[] => {
            const origin = { from: "release", where: `${REFERENCES} in ${mirroredName(payload.image)}` } as const;
            if (payload.image !== image)
                return (payload.components.get(digest) ?? []).map((one) => ({ reference: named(one), origin }));
            const signed = signatures.reference(digest);
            if (signed !== undefined) return [{ reference: named(signed.reference), origin: signed.origin }];
            const [component] = [...payload.components.values()].flat();
            const usual = component && payloadRepository(component);
            return usual === undefined ? [] : [{ reference: named(usual), origin, isUsual: true }];
        });
}

/**
 * The tag of the release that an image seems to be of, by its own tag: the release itself, or one of its components.
 * @returns undefined for other images
 */
export function releaseTag(image: MirroredManifest, images: readonly MirroredManifest[]): string | undefined {
    const { repository, tag } = image;
    if (tag === undefined) return undefined;
    if (isReleaseTag(image, images)) return tag;
    const releases = images.filter((other) => other.repository === repository && isReleaseTag(other, images));
    return releases.map((release) => release.tag ?? "").find((release) => tag.startsWith(`${release}-`));
}

function isReleaseTag({ repository, tag }: MirroredManifest, images: readonly MirroredManifest[]): boolean {
    if (tag === undefined) return false;
    return images.some((other) => other.repository === repository && other.tag?.startsWith(`${tag}-`));
}

/** Of a release for several architectures, the files of the first: each is made of images of its own. */
async function releaseFiles(digest: Digest, source: BlobSource): Promise<Map<string, Buffer>[] | undefined> {
    const { mediaType, manifests, blobs } = parseManifest(await source.read(digest), { place: source.place(digest) });
    if (isIndexMediaType(mediaType)) {
        const children = manifests.filter((child) => source.size(child.digest) !== undefined);
        const found: Map<string, Buffer>[] = [];
        for (const child of children) found.push(...((await releaseFiles(child.digest, source)) ?? []));
        return found.length === 0 ? undefined : found;
    }
    // oc adds them as the last layer.
    for (const layer of blobs.slice(1).reverse()) {
        if (source.size(layer.digest) === undefined) continue;
        const files = await readLayer(layer, source);
        if (files.has(REFERENCES)) return [files];
    }
    return undefined;
}

async function readLayer({ digest, size }: Descriptor, source: BlobSource): Promise<Map<string, Buffer>> {
    const stream = source.open(digest);
    const start = await firstBytes(source, digest);
    const compression = compressionIn(start);
    const place = source.place(digest) ?? { archive: digest };
    const plain =
        compression === "gzip" || compression === "zstd" ? stream.pipe(decompressor(compression, place)) : stream;
    stream.on("error", (error) => plain.destroy(error));
    try {
        return await readStreamedFiles(bounded(plain, unpackLimit(size), place), new Set([REFERENCES, METADATA]));
    } catch (error) {
        if (error instanceof TarHeaderError) return new Map();
        throw error;
    } finally {
        stream.destroy();
        plain.destroy();
    }
}

async function firstBytes(source: BlobSource, digest: Digest): Promise<Buffer> {
    const stream = source.open(digest);
    for await (const chunk of stream) return (chunk as Buffer).subarray(0, 8);
    return Buffer.alloc(0);
}

async function* bounded(
    stream: AsyncIterable<Buffer>,
    limit: number,
    place: { readonly archive: string },
): AsyncGenerator<Buffer> {
    let size = 0;
    for await (const chunk of stream) {
        size += chunk.length;
        if (size > limit)
            throw new ArchiveError(`unpacked it has more than ${limit} bytes`, { ...place, code: "ARCHIVE_TOO_LARGE" });
        yield chunk;
    }
}

function parsePayload(image: MirroredManifest, files: readonly Map<string, Buffer>[]): ReleasePayload | undefined {
    const components = new Map<Digest, Reference[]>();
    for (const found of files) {
        const document: z.infer<typeof imageReferences> = imageReferences.parse(parseText(found.get(REFERENCES)));
        for (const { from } of document.spec.tags) {
            const reference = from ? parseReference(from.name) : undefined;
            if (reference?.digest === undefined) continue;
            components.set(reference.digest, [...(components.get(reference.digest) ?? []), reference]);
        }
    }
    const [metadata] = files.flatMap((found) => found.get(METADATA) ?? []);
    const version = metadata === undefined ? undefined : releaseMetadata.safeParse(parseText(metadata)).data?.version;
    return { image, components, ...(version === undefined ? {} : { version }) };
}

function parseText(bytes: Buffer | undefined): unknown {
    return parseBoundedJson(bytes ?? Buffer.from("null"));
}
