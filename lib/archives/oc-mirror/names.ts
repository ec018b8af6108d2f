import type { BlobSource } from "../../oci/content";
import type { Digest } from "../../oci/digest";
import { type Reference, formatReference, sourceKey } from "../../oci/reference";
import type { ArchiveContents } from "../archive";
import { subjectOfTag } from "./cache-name";
import { ImageNames, repositoriesOf } from "../image-names";
import { type NameProblem, namesUnresolved } from "../name-problem";
import { type Candidate, mentionedNames, wishedKeys } from "./candidates";
import type { OcMirrorIndex, TagLink } from "./cache-index";
import { type Override, Overrides } from "../override";
import { type NamedImage, SignatureSubjects } from "./signature-subjects";
import { type TagVerdict, judgeTag } from "./tag-verdict";

const HINT =
    "run oc-mirror with the same image set, the same file:// folder and --dry-run on the connected side before " +
    "mirroring: the archive then holds the names";

/**
 * Names the images of an oc-mirror v2 archive.
 * The cache keeps no upstream hosts and its links are those of every image set that ever used it, so a tag counts only
 * if its manifest is here or an earlier archive brought it, and its name is what the archive's other files say.
 * @throws ArchiveError `ARCHIVE_NAMES_UNRESOLVED` with every name that needs a decision
 */
export async function nameOcMirrorImages(
    label: string,
    index: OcMirrorIndex,
    source: BlobSource,
    overrides: readonly Override[],
): Promise<ArchiveContents> {
    return new CacheNaming(index, source, overrides).run(label);
}

class CacheNaming {
    readonly #index: OcMirrorIndex;
    readonly #subjects: SignatureSubjects;
    readonly #overrides: Overrides;
    readonly #candidates: ReadonlyMap<string, readonly Candidate[]>;
    readonly #wishes: ReadonlySet<string>;
    readonly #notes: string[];
    readonly #names = new ImageNames();
    /** The accepted names of each cache repository's images. */
    readonly #accepted = new Map<string, NamedImage[]>();
    #foreign = 0;
    #unwished = 0;

    constructor(index: OcMirrorIndex, source: BlobSource, overrides: readonly Override[]) {
        this.#index = index;
        this.#subjects = new SignatureSubjects(source);
        this.#overrides = new Overrides(overrides);
        const mentioned = mentionedNames(index);
        this.#notes = [...mentioned.notes];
        this.#wishes = wishedKeys(mentioned.candidates);
        this.#candidates = byCacheName(mentioned.candidates);
    }

    async run(label: string): Promise<ArchiveContents> {
        const links = [...this.#index.tags.values()].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
        for (const link of links.filter(({ tag }) => subjectOfTag(tag) === undefined)) this.#take(link);
        for (const link of links.filter(({ tag }) => subjectOfTag(tag) !== undefined)) await this.#takeSignature(link);
        if (this.#names.problems.length > 0) throw namesUnresolved(label, this.#names.problems, HINT);
        return {
            images: this.#names.images,
            earlierImages: this.#names.earlier,
            absent: this.#absent(),
            notes: [...this.#notes, ...this.#counts()],
            earlierRepositories: this.#earlierRepositories(),
        };
    }

    #take(link: TagLink): void {
        const isHeld = this.#index.blobs.has(link.digest);
        if (!isHeld && !this.#index.history.has(link.digest)) {
            this.#foreign++;
            return;
        }
        const verdict = this.#judge(link);
        if (verdict.kind === "named") this.#accept(link, verdict.references);
        if (verdict.kind === "named" && verdict.note !== undefined) this.#notes.push(verdict.note);
        if (isHeld) this.#takeHeld(link, verdict);
        else this.#takeEarlier(link, verdict);
    }

    #judge(link: TagLink): TagVerdict {
        return judgeTag(link, this.#candidates.get(nameOf(link)) ?? [], this.#overrides);
    }

    #takeHeld(link: TagLink, verdict: TagVerdict): void {
        if (verdict.kind === "named") this.#names.add(nameOf(link), link.digest, verdict.references);
        else this.#names.problems.push(problemOf(link, verdict));
    }

    #takeEarlier(link: TagLink, verdict: TagVerdict): void {
        const isWished = (reference: Reference): boolean => this.#wishes.has(sourceKey(reference));
        if (verdict.kind === "ambiguous" && verdict.candidates.some(({ reference }) => isWished(reference))) {
            this.#names.problems.push(problemOf(link, verdict));
            return;
        }
        const wished = verdict.kind === "named" ? verdict.references.filter(isWished) : [];
        if (wished.length === 0) this.#unwished++;
        this.#names.addEarlier(nameOf(link), link.digest, wished);
    }

    async #takeSignature(link: TagLink): Promise<void> {
        if (!this.#index.blobs.has(link.digest)) return;
        const subject = subjectOfTag(link.tag) ?? "";
        const images = this.#accepted.get(link.repository) ?? [];
        const inherited = await this.#subjects.referencesOf(subject, link.repository, images);
        const references = inherited.map(({ registry, repository }) => ({ registry, repository, tag: link.tag }));
        this.#takeHeld(link, references.length > 0 ? { kind: "named", references } : this.#judge(link));
    }

    #accept(link: TagLink, references: readonly Reference[]): void {
        const named = { digest: link.digest, references };
        const known = this.#accepted.get(link.repository);
        if (known === undefined) this.#accepted.set(link.repository, [named]);
        else known.push(named);
    }

    #absent(): string[] {
        const has = (key: string): boolean => this.#names.images.has(key) || this.#names.earlier.has(key);
        return [...this.#wishes].filter((key) => !has(key)).sort();
    }

    #counts(): string[] {
        const foreign = `${this.#foreign} tags of the cache are of other image sets or outdated: left out`;
        const unwished = `${this.#unwished} tags came with earlier archives and are not in this image set: left out`;
        const unused = this.#overrides.unused().map(({ match }) => `override ${match} matches nothing in the archive`);
        return [...(this.#foreign > 0 ? [foreign] : []), ...(this.#unwished > 0 ? [unwished] : []), ...unused];
    }

    #earlierRepositories(): (digest: Digest) => readonly string[] | undefined {
        const upstreams = new Map(
            [...this.#accepted].map(([repository, named]) => [
                repository,
                repositoriesOf(named.flatMap(({ references }) => references)),
            ]),
        );
        return (digest) => {
            if (!this.#index.history.has(digest)) return undefined;
            const holders = this.#index.holders.get(digest) ?? [];
            return [...new Set(holders.flatMap((repository) => upstreams.get(repository) ?? []))].sort();
        };
    }
}

function byCacheName(candidates: readonly Candidate[]): Map<string, Candidate[]> {
    const byName = new Map<string, Candidate[]>();
    for (const candidate of candidates) {
        for (const name of candidate.cacheNames) byName.set(name, [...(byName.get(name) ?? []), candidate]);
    }
    return byName;
}

function nameOf(link: TagLink): string {
    return `${link.repository}:${link.tag}`;
}

function problemOf(link: TagLink, verdict: Exclude<TagVerdict, { kind: "named" }>): NameProblem {
    const name = nameOf(link);
    if (verdict.kind === "converted") {
        const what =
            "the tag stands for another digest: oc-mirror changed the image (4.16 and 4.17 do), mirror it again with 4.18 or newer";
        return { name, digest: link.digest, what, candidates: [] };
    }
    const candidates = [...new Set(verdict.candidates.map(({ reference }) => formatReference(reference)))].sort();
    const what =
        verdict.kind === "ambiguous"
            ? "several upstreams are possible"
            : candidates.length === 0
              ? "no upstream name is known"
              : "the names that it could have are of other digests";
    // Where nothing is known the whole repository is of one upstream, most likely; where two fit, it is not.
    const match = verdict.kind === "unknown" ? link.repository : name;
    return { name, digest: link.digest, what, candidates, match };
}
