import { factsWithout } from "../mirror/cluster-facts";
import { type ExcludePattern, Exclusions } from "../mirror/exclusions";
import type { BlobSource } from "../mirror/image-set";
import type { Digest } from "../oci/digest";
import { type Manifest, parseManifest } from "../oci/manifest";
import { parseSourceKey, repositoryName } from "../oci/reference";
import type { ArchiveContents } from "./archive";

/** The contents of an archive without the images that a set leaves out. */
export interface IncludedContents {
    readonly contents: ArchiveContents;
    /** Source reference -> pattern, of the images that are left out. */
    readonly excluded: ReadonlyMap<string, string>;
    /** Patterns that match no image. */
    readonly unused: readonly ExcludePattern[];
}

/**
 * Leaves images out of an archive's contents. Signatures and other referrers of an image go with it, unless an image that
 * stays in the same repository has or contains what they are about.
 */
export async function excludeImages(
    contents: ArchiveContents,
    source: BlobSource,
    patterns: readonly ExcludePattern[],
): Promise<IncludedContents> {
    if (patterns.length === 0) return { contents, excluded: new Map(), unused: [] };
    const exclusions = new Exclusions(patterns);
    const excluded = new Map<string, string>();
    const named = [...contents.images, ...contents.earlierImages];
    for (const [image, digest] of named) addMatch(excluded, image, exclusions.find(image, digest));
    for (const image of contents.absent) addMatch(excluded, image, exclusions.find(image));
    await new ReferrersOfExcluded(contents, source, excluded).add();
    return { contents: without(contents, excluded), excluded, unused: exclusions.unused() };
}

function addMatch(excluded: Map<string, string>, image: string, rule: ExcludePattern | undefined): void {
    if (rule !== undefined) excluded.set(image, rule.pattern);
}

function without(contents: ArchiveContents, excluded: ReadonlyMap<string, string>): ArchiveContents {
    const kept = <T>(entries: ReadonlyMap<string, T>) =>
        new Map([...entries].filter(([image]) => !excluded.has(image)));
    const images = kept(contents.images);
    const earlierImages = kept(contents.earlierImages);
    const { marks, cluster } = contents;
    const isLeftOut = (image: string) => excluded.has(image);
    const dropped = new Set([...contents.images, ...contents.earlierImages].map(([, digest]) => digest));
    for (const digest of [...images.values(), ...earlierImages.values()]) dropped.delete(digest);
    return {
        ...contents,
        images,
        earlierImages,
        nameSources: kept(contents.nameSources),
        ...(marks === undefined ? {} : { marks: kept(marks) }),
        absent: contents.absent.filter((image) => !isLeftOut(image)),
        ...(cluster === undefined ? {} : { cluster: factsWithout(cluster, isLeftOut, dropped) }),
        earlierRepositories: (digest) => contents.earlierRepositories(digest),
    };
}

/** Cosign's tags, and the fallback tag of the referrers API. */
const ABOUT_TAG = /^sha256-([0-9a-f]{64})(?:\.(?:sig|att|sbom))?$/;

/** Finds the images that are about an excluded one, until no more are found: a signature may have an attestation. */
class ReferrersOfExcluded {
    private readonly manifests = new Map<Digest, Promise<Manifest | undefined>>();
    private readonly images: readonly (readonly [image: string, digest: Digest, repository: string])[];

    constructor(
        { images }: ArchiveContents,
        private readonly source: BlobSource,
        private readonly excluded: Map<string, string>,
    ) {
        this.images = [...images].map(([image, digest]) => [image, digest, repositoryName(parseSourceKey(image))]);
    }

    async add(): Promise<void> {
        for (let before = -1; before !== this.excluded.size;) {
            before = this.excluded.size;
            const { kept, left } = await this.reached();
            for (const [image, digest, repository] of this.images) {
                if (this.excluded.has(image)) continue;
                const subject = await this.subject(image, digest);
                const place = `${repository} ${subject ?? ""}`;
                const pattern = kept.has(place) ? undefined : left.get(place);
                if (pattern !== undefined) this.excluded.set(image, pattern);
            }
        }
    }

    /** `<repository> <digest>` of all manifests that included and excluded images consist of. */
    private async reached(): Promise<{ kept: ReadonlySet<string>; left: ReadonlyMap<string, string> }> {
        const kept = new Set<string>();
        const left = new Map<string, string>();
        for (const [image, digest, repository] of this.images) {
            const pattern = this.excluded.get(image);
            for (const manifest of await this.tree(digest)) {
                if (pattern === undefined) kept.add(`${repository} ${manifest}`);
                else left.set(`${repository} ${manifest}`, pattern);
            }
        }
        return { kept, left };
    }

    private async tree(root: Digest): Promise<ReadonlySet<Digest>> {
        const tree = new Set([root]);
        for (const digest of tree)
            for (const child of (await this.manifest(digest))?.manifests ?? []) tree.add(child.digest);
        return tree;
    }

    private async subject(image: string, digest: Digest): Promise<Digest | undefined> {
        const hex = ABOUT_TAG.exec(parseSourceKey(image).tag ?? "")?.[1];
        if (hex !== undefined && `sha256:${hex}` !== digest) return `sha256:${hex}`;
        return (await this.manifest(digest))?.subject?.digest;
    }

    /** Undefined for one that cannot be read: of an excluded image that is no error, an included one is read again. */
    private async manifest(digest: Digest): Promise<Manifest | undefined> {
        const read = async () => parseManifest(await this.source.read(digest), { place: this.source.place(digest) });
        const known = this.manifests.get(digest) ?? read().catch(() => undefined);
        this.manifests.set(digest, known);
        return known;
    }
}
