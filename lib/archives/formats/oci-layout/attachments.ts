import type { BlobSource } from "../../../mirror/image-set";
import { type Digest, digestHex } from "../../../oci/digest";
import { type Descriptor, parseManifest } from "../../../oci/manifest";
import { isIndexMediaType } from "../../../oci/media-types";
import { type Reference, parseSourceKey, repositoryName } from "../../../oci/reference";
import type { ImageNames } from "../../naming/image-names";
import {
    isHaulerReferrer,
    entryLabel,
    entryRefName,
    signatureTagSuffix,
    storedName,
    notedSubject,
} from "./entry-names";

/** Cosign's tags, and the fallback tag of the OCI referrers API; what they are about is in the name. */
const ATTACHMENT_TAG = /^sha256-([0-9a-f]{64})(\.(?:sig|att|sbom))?$/;

/** An entry of a layout that is about another image, and what it is about. */
export interface Attachment {
    readonly entry: Descriptor;
    readonly subject: Digest;
    /** The tag it has upstream; absent: it is found by its `subject`. */
    readonly tag?: string;
}

/**
 * What an entry without a name of its own is about: containerd's note, cosign's tag, the kind that Hauler gives it, or
 * the manifest's `subject`. @param images of a store of Hauler, by their full names
 * @returns undefined if it is about nothing
 */
export async function findAttachment(
    entry: Descriptor,
    source: BlobSource,
    images: ReadonlyMap<string, Digest>,
): Promise<Attachment | undefined> {
    const noted = notedSubject(entry);
    if (noted !== undefined) return { entry, subject: noted };
    const name = entryRefName(entry);
    const suffix = signatureTagSuffix(entry);
    if (suffix !== undefined) return haulerSignature(entry, suffix, images);
    const isReferrer = isHaulerReferrer(entry);
    const tagged = ATTACHMENT_TAG.exec(name ?? "");
    if (tagged?.[1] !== undefined && name !== undefined) return { entry, subject: `sha256:${tagged[1]}`, tag: name };
    const subject =
        (await subjectInManifest(entry, source)) ?? (isReferrer ? images.get(storedName(entry)) : undefined);
    return subject === undefined ? undefined : { entry, subject };
}

async function subjectInManifest(entry: Descriptor, source: BlobSource): Promise<Digest | undefined> {
    if (source.size(entry.digest) === undefined) return undefined;
    return parseManifest(await source.read(entry.digest), { place: source.place(entry.digest) }).subject?.digest;
}

/** Hauler gives a signature the names of its image, and the kind. */
function haulerSignature(
    entry: Descriptor,
    suffix: string,
    images: ReadonlyMap<string, Digest>,
): Attachment | undefined {
    const subject = images.get(storedName(entry));
    return subject === undefined ? undefined : { entry, subject, tag: `sha256-${digestHex(subject)}.${suffix}` };
}

/** Names attachments after their subjects, also those of attachments. @returns those whose subject is not there */
export function nameAttachments(
    names: ImageNames,
    attachments: readonly Attachment[],
    trees: Map<Digest, readonly Reference[]>,
): readonly Attachment[] {
    let waiting = attachments;
    for (;;) {
        const still = waiting.filter(({ entry, subject, tag }) => {
            const places = trees.get(subject);
            if (places === undefined) return true;
            const references = places.map(({ registry, repository }) => ({
                registry,
                repository,
                ...(tag === undefined ? { digest: entry.digest } : { tag }),
            }));
            names.add(entryLabel(entry), entry.digest, references, () => ({ from: "subject", where: subject }));
            if (!trees.has(entry.digest)) trees.set(entry.digest, references);
            return false;
        });
        if (still.length === waiting.length) return still;
        waiting = still;
    }
}

/** Everything below the indexes among these entries, as far as the archive holds them. */
export async function listDescendants(
    entries: readonly Descriptor[],
    source: BlobSource,
): Promise<ReadonlySet<Digest>> {
    const found = new Set<Digest>();
    const indexes = entries.filter(({ mediaType }) => isIndexMediaType(mediaType)).map(({ digest }) => digest);
    const seen = new Set(indexes);
    for (const digest of seen) {
        if (source.size(digest) === undefined) continue;
        for (const child of parseManifest(await source.read(digest), { place: source.place(digest) }).manifests) {
            found.add(child.digest);
            seen.add(child.digest);
        }
    }
    return found;
}

/** The trees of all images that have a name; children that a sparse index leaves out are in them too. */
export async function imageTrees(names: ImageNames, source: BlobSource): Promise<Map<Digest, readonly Reference[]>> {
    const trees = new Map<Digest, readonly Reference[]>();
    const visit = async (digest: Digest, from: Reference): Promise<void> => {
        const known = trees.get(digest) ?? [];
        // There are more ways through nested indexes than anybody could walk.
        if (known.some((reference) => repositoryName(reference) === repositoryName(from))) return;
        trees.set(digest, [...known, from]);
        if (source.size(digest) === undefined) return;
        const manifest = parseManifest(await source.read(digest), { place: source.place(digest) });
        if (!isIndexMediaType(manifest.mediaType)) return;
        for (const child of manifest.manifests) await visit(child.digest, from);
    };
    for (const [key, digest] of names.images) {
        const { registry, repository } = parseSourceKey(key);
        await visit(digest, { registry, repository });
    }
    return trees;
}
