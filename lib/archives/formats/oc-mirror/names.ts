import type { BlobSource, ImageMark } from "../../../mirror/image-set";
import type { Digest } from "../../../oci/digest";
import { type Reference, sourceKey } from "../../../oci/reference";
import type { ArchiveContents } from "../../archive";
import { ImageNames, repositoryNames } from "../../naming/image-names";
import type { NameOrigins } from "../../naming/origin";
import { namesUnresolved } from "../../naming/name-problem";
import type { Override } from "../../../mirror/override";
import { Overrides, overrideOrigin } from "../../naming/override";
import type { OcMirrorIndex, TagLink } from "./cache-index";
import { subjectOfTag } from "./cache-name";
import { type Candidate, byCacheName, candidateOrigins, requestedKeys } from "./candidate";
import { clusterFacts } from "./cluster-facts";
import { GRAPH_IMAGE_CACHE_NAME } from "./graph-image";
import { DRY_RUN, type Mentions, readMentions } from "./mentions";
import { type NamedImage, SignatureSubjects } from "./signature-subjects";
import { findContest } from "./tag-contest";
import { joinedByRepository, tagProblem } from "./tag-problem";
import { type NamedTag, type TagVerdict, hasQuestion, judgeTag, ruledTag } from "./tag-verdict";

const HINT = `${DRY_RUN}: the archive then holds the names`;

/**
 * Names the images of an oc-mirror v2 archive.
 * The cache keeps no upstream hosts and its links are those of every image set that ever used it, so a tag counts only
 * if its manifest is here or an earlier archive contained it, and its name is what the archive's other files say.
 * @throws ArchiveError `ARCHIVE_NAMES_UNRESOLVED` with every name that needs a decision
 */
export async function nameOcMirrorImages(
    label: string,
    index: OcMirrorIndex,
    source: BlobSource,
    overrides: readonly Override[],
): Promise<ArchiveContents> {
    const rules = new Overrides(overrides);
    return new CacheNaming(index, source, rules, await readMentions(index, rules)).run(label);
}

class CacheNaming {
    readonly #index: OcMirrorIndex;
    readonly #subjects: SignatureSubjects;
    readonly #overrides: Overrides;
    readonly #mentions: Mentions;
    readonly #candidates: ReadonlyMap<string, readonly Candidate[]>;
    readonly #requests: ReadonlySet<string>;
    /** Those of the requests that the archive or an earlier one holds. */
    readonly #found = new Set<string>();
    readonly #notes: string[];
    readonly #names = new ImageNames();
    /** The accepted names of each cache repository's images. */
    readonly #accepted = new Map<string, NamedImage[]>();
    /** Cache name -> the keys that its image is known by. */
    readonly #keys = new Map<string, readonly string[]>();
    /** Catalogs whose filtered form takes their place. */
    readonly #originals: TagLink[] = [];
    readonly #taken: TagLink[] = [];
    #foreign = 0;
    #unrequested = 0;

    constructor(index: OcMirrorIndex, source: BlobSource, overrides: Overrides, mentions: Mentions) {
        this.#index = index;
        this.#subjects = new SignatureSubjects(source);
        this.#overrides = overrides;
        this.#mentions = mentions;
        this.#notes = [...mentions.notes];
        this.#requests = requestedKeys(mentions.candidates);
        this.#candidates = byCacheName(mentions.candidates);
    }

    async run(label: string): Promise<ArchiveContents> {
        const links = [...this.#index.tags.values()].sort((a, b) => (cacheTagName(a) < cacheTagName(b) ? -1 : 1));
        for (const link of links.filter(({ tag }) => subjectOfTag(tag) === undefined)) this.#take(link);
        for (const link of links.filter(({ tag }) => subjectOfTag(tag) !== undefined)) await this.#takeSignature(link);
        if (this.#names.problems.length > 0) {
            const problems = joinedByRepository(this.#names.problems, this.#taken);
            throw namesUnresolved(label, problems, HINT, this.#overrides.unused(), this.#names.taken());
        }
        return {
            images: this.#names.images,
            nameSources: this.#names.sources,
            marks: this.#marks(),
            earlierImages: this.#names.earlier,
            absent: [...this.#requests].filter((key) => !this.#found.has(key)).sort(),
            notes: [...this.#notes, ...this.#counts()],
            unusedOverrides: this.#overrides.unusedMatches(),
            earlierRepositories: this.#earlierRepositories(),
            cluster: clusterFacts(this.#keys, this.#names, this.#mentions),
        };
    }

    #take(link: TagLink): void {
        const isHeld = this.#index.blobs.has(link.digest);
        if (!isHeld && !this.#index.history.has(link.digest)) {
            this.#foreign++;
            return;
        }
        if (this.#mentions.catalogs.leftOut.has(cacheTagName(link))) {
            // It is matched all the same: what is said of an override must be true.
            this.#overrides.find([link.repository, cacheTagName(link)]);
            if (isHeld) this.#originals.push(link);
            return;
        }
        this.#taken.push(link);
        const verdict = this.#judge(link);
        if (verdict.kind === "named") this.#accept(link, verdict.references);
        if (verdict.kind === "named" && verdict.note !== undefined) this.#notes.push(verdict.note);
        if (isHeld) this.#takeHeld(link, verdict);
        else this.#takeEarlier(link, verdict);
    }

    #judge(link: TagLink): TagVerdict {
        // A rebuilt catalog is filed by its filter; an override gives it the tag that the original had.
        const tag = this.#mentions.catalogs.rebuilt.get(cacheTagName(link)) ?? link.tag;
        const candidates = this.#candidates.get(cacheTagName(link)) ?? [];
        const contest = () => findContest(link, candidates, this.#index, this.#mentions);
        const override = this.#overrides.find(
            [link.repository, `${link.repository}:${tag}`, cacheTagName(link)],
            [link.digest],
        );
        return judgeTag({ ...link, tag }, candidates, override, contest);
    }

    #takeHeld(link: TagLink, verdict: TagVerdict): void {
        if (verdict.kind === "named") {
            this.#remember(
                link,
                this.#names.images,
                verdict.confirmed,
                verdict.references,
                this.#origins(link, verdict),
            );
        } else this.#names.problems.push(tagProblem(link, verdict, this.#mentions.folders.get(cacheTagName(link))));
    }

    #takeEarlier(link: TagLink, verdict: TagVerdict): void {
        const isRequested = (reference: Reference): boolean => this.#requests.has(sourceKey(reference));
        if (verdict.kind !== "named") {
            const candidates = hasQuestion(verdict) ? verdict.candidates : [];
            if (candidates.some(({ reference }) => isRequested(reference))) {
                this.#names.problems.push(tagProblem(link, verdict, this.#mentions.folders.get(cacheTagName(link))));
            } else this.#unrequested++;
            return;
        }
        const { references, confirmed, replaced } = verdict;
        const requested = references.filter(isRequested);
        // What the image set asks for under a name that an override has changed is asked for as well.
        const names = requested.length === 0 && [...confirmed, ...replaced].some(isRequested) ? references : requested;
        if (names.length === 0) this.#unrequested++;
        // The same content may have had another tag then: what is known by its digest is looked for by its digest.
        this.#remember(
            link,
            this.#names.earlier,
            [...names, ...confirmed.filter(isRequested)],
            names.map(byDigestIfKnown),
            this.#origins(link, verdict),
        );
    }

    #origins({ repository, tag }: TagLink, { by, inheritedFrom }: NamedTag): NameOrigins {
        if (by !== undefined) return () => overrideOrigin(by);
        if (inheritedFrom !== undefined) return () => ({ from: "subject", where: inheritedFrom });
        return candidateOrigins(this.#candidates.get(`${repository}:${tag}`) ?? []);
    }

    /** `references` are what the archive calls the image, `names` what it is to be known by. */
    #remember(
        link: TagLink,
        where: Map<string, Digest>,
        references: readonly Reference[],
        names: readonly Reference[],
        origins: NameOrigins,
    ): void {
        const add = where === this.#names.images ? "add" : "addEarlier";
        this.#names[add](cacheTagName(link), link.digest, names, origins);
        for (const reference of references) this.#found.add(sourceKey(reference));
        if (names.length > 0) this.#keys.set(cacheTagName(link), names.map(sourceKey));
    }

    async #takeSignature(link: TagLink): Promise<void> {
        if (!this.#index.blobs.has(link.digest)) return;
        const subject = subjectOfTag(link.tag) ?? "";
        if (await this.#isOfOriginal(subject, link.repository)) return;
        const images = this.#accepted.get(link.repository) ?? [];
        const inherited = await this.#subjects.findReferences(subject, link.repository, images);
        const references = inherited.map(({ registry, repository }) => ({ registry, repository, tag: link.tag }));
        const verdict = references.length > 0 ? this.#inherit(link, references) : this.#judge(link);
        if (verdict.kind === "named" && verdict.note !== undefined) this.#notes.push(verdict.note);
        this.#takeHeld(link, verdict);
    }

    /** A signature follows its subject, whatever holds for others of the repository; only an override for its tag counts. */
    #inherit(link: TagLink, references: readonly Reference[]): TagVerdict {
        const override = this.#overrides.find([link.repository, cacheTagName(link)]);
        const own = override?.match === cacheTagName(link) ? override : undefined;
        const verdict = ruledTag({ name: cacheTagName(link), references, isProven: false }, own);
        return verdict.kind === "named" ? { ...verdict, inheritedFrom: subjectOfTag(link.tag) ?? "" } : verdict;
    }

    /** True for a signature of a catalog that is left out, or of one of its platforms. */
    async #isOfOriginal(subject: Digest, repository: string): Promise<boolean> {
        const originals = this.#originals.filter((link) => link.repository === repository);
        for (const { digest } of originals) {
            if (digest === subject || (await this.#subjects.findChildren(digest)).has(subject)) return true;
        }
        return false;
    }

    #accept(link: TagLink, references: readonly Reference[]): void {
        const named = { digest: link.digest, references };
        const known = this.#accepted.get(link.repository);
        if (known === undefined) this.#accepted.set(link.repository, [named]);
        else known.push(named);
    }

    /** What oc-mirror rebuilt or built has no digest from upstream. */
    #marks(): Map<string, ImageMark> {
        const built = [...this.#mentions.catalogs.rebuilt.keys(), GRAPH_IMAGE_CACHE_NAME];
        const keys = built.flatMap((name) => this.#keys.get(name) ?? []);
        return new Map(keys.filter((key) => !key.includes("@")).map((key) => [key, "rebuilt"]));
    }

    #counts(): string[] {
        const foreign = `${this.#foreign} tags of the cache are of other image sets or outdated: left out`;
        const unrequested = `${this.#unrequested} tags came with earlier archives and are not in this image set: left out`;
        const originals = `${this.#originals.map(cacheTagName).join(", ")}: the original is left out, it names bundles that are not here`;
        return [
            ...(this.#originals.length > 0 ? [originals] : []),
            ...(this.#foreign > 0 ? [foreign] : []),
            ...(this.#unrequested > 0 ? [unrequested] : []),
        ];
    }

    #earlierRepositories(): (digest: Digest) => readonly string[] | undefined {
        const upstreams = new Map(
            [...this.#accepted].map(([repository, named]) => [
                repository,
                repositoryNames(named.flatMap(({ references }) => references)),
            ]),
        );
        // Not `this`: what was read of names is not kept while manifests are.
        const { history, holders: byDigest } = this.#index;
        return (digest) => {
            if (!history.has(digest)) return undefined;
            const holders = byDigest.get(digest) ?? [];
            return [...new Set(holders.flatMap((repository) => upstreams.get(repository) ?? []))].sort();
        };
    }
}

function cacheTagName(link: TagLink): string {
    return `${link.repository}:${link.tag}`;
}

function byDigestIfKnown({ tag, digest, ...rest }: Reference): Reference {
    if (digest !== undefined) return { ...rest, digest };
    return { ...rest, ...(tag === undefined ? {} : { tag }) };
}
