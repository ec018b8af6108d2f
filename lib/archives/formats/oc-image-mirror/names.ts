import type { BlobSource } from "../../../mirror/image-set";
import { type Reference, formatReference, sourceKey } from "../../../oci/reference";
import type { ArchiveContents } from "../../archive";
import { ImageNames, distinct } from "../../naming/image-names";
import type { NameOrigins } from "../../naming/origin";
import type { NameProblem } from "../../naming/name-problem";
import type { Override } from "../../../mirror/override";
import { Overrides, overriddenReference, overrideOrigin } from "../../naming/override";
import { type Ruling, ruleOn } from "../../naming/override-rule";
import type { FileTree } from "../../files/file-tree";
import { LeftOutNames } from "../../open/left-out";
import { type MirroredManifest, type NamedCandidate, mirroredName } from "./candidate";
import { mirrorFacts } from "./cluster-facts";
import { readMappings } from "./mapping-file";
import { readPayloads, releaseCandidates, releaseTag } from "./release-payload";
import { readSignatures } from "./release-signatures";

const HINT = "mirror them with oc-mirror --v2 or skopeo sync --scoped, which keep the host";
/** Where `oc adm release mirror --to-dir` files releases (openshift/oc, release/mirror.go). */
const RELEASES = "openshift/release";
const WITH_LINKS = "copy the folder again with its symbolic links followed (cp -rL) or in a tar";

/**
 * Names the images of what `oc image mirror`, `oc adm release mirror` and `oc adm catalog mirror` wrote: by the mapping
 * file of a catalog, by the content of a release, else by overrides.
 * @throws ArchiveError `ARCHIVE_NAMES_UNRESOLVED`
 */
export async function nameMirroredImages(
    label: string,
    tree: FileTree,
    images: readonly MirroredManifest[],
    source: BlobSource,
    overrides: readonly Override[],
): Promise<ArchiveContents> {
    const notes: string[] = [];
    const mappings = await readMappings(tree);
    const signatures = await readSignatures(tree, notes);
    const payloads = await readPayloads(images, source, notes);
    const naming = new MirrorNaming(images, new Overrides(overrides));
    for (const image of images) {
        const { repository, tag, digest } = image;
        const mapped = mappings.candidates(repository, tag, digest);
        naming.add(image, [...mapped, ...releaseCandidates(image, payloads, signatures)]);
    }
    const contents = naming.contents(label);
    const cluster = mirrorFacts(naming.keys, { payloads, signatures, catalogs: mappings.catalogRepositories() });
    return { ...contents, notes: [...notes, ...contents.notes], cluster };
}

class MirrorNaming {
    /** The source keys of each image, by what the archive calls it. */
    readonly keys = new Map<MirroredManifest, readonly string[]>();
    readonly #images: readonly MirroredManifest[];
    readonly #overrides: Overrides;
    readonly #names = new ImageNames();
    readonly #notes: string[] = [];
    readonly #tagless = new LeftOutNames();
    readonly #open: MirroredManifest[] = [];

    constructor(images: readonly MirroredManifest[], overrides: Overrides) {
        this.#images = images;
        this.#overrides = overrides;
    }

    add(image: MirroredManifest, candidates: readonly NamedCandidate[]): void {
        const [name, { repository, digest }] = [mirroredName(image), image];
        const override = this.#overrides.find([name, repository], [digest]);
        const fitting = candidates.filter(({ reference }) => (reference.digest ?? digest) === digest);
        const certain = fitting.filter(({ reference, isUsual }) => reference.digest !== undefined && isUsual !== true);
        const chosen = certain.length > 0 ? certain : fitting;
        const references = distinct(chosen.map(({ reference }) => reference));
        const isProven = certain.length > 0;
        if (references.length === 0 || (!isProven && references.length > 1))
            return this.#decide(image, override, candidates, references);
        const ruling = ruleOn({ name, references, isProven }, override);
        this.#take(image, ruling, candidateOrigins(chosen));
    }

    contents(label: string): ArchiveContents {
        const whole = new Set(this.#open.map(({ repository }) => repository).filter((one) => this.#isWhollyOpen(one)));
        this.#names.problems.splice(0, Infinity, ...this.#names.problems.map((problem) => joined(problem, whole)));
        const contents = this.#names.contents(label, this.#overrides, HINT);
        const { count } = this.#tagless;
        const what = count === 1 ? "1 image has no tag" : `${count} images have no tag`;
        const lost =
            `${what} in the archive, and by override neither, so known by digest only: ${this.#tagless.text()}. ` +
            `oc writes tags as symbolic links, which a copy may lose: then ${WITH_LINKS}`;
        return { ...contents, notes: [...contents.notes, ...this.#notes, ...(count === 0 ? [] : [lost])] };
    }

    #take(image: MirroredManifest, ruling: Ruling, origins: NameOrigins): void {
        const name = mirroredName(image);
        if (ruling.kind === "open") {
            const spellings = [name, image.digest];
            this.#names.problems.push({ ...ruling.problem, digest: image.digest, spellings });
            return;
        }
        if (ruling.note !== undefined) this.#notes.push(ruling.note);
        const { by } = ruling;
        this.#name(image, ruling.references, by === undefined ? origins : () => overrideOrigin(by));
    }

    #name(image: MirroredManifest, references: readonly Reference[], origins: NameOrigins): void {
        this.#names.add(mirroredName(image), image.digest, references, origins);
        this.keys.set(image, references.map(sourceKey));
    }

    #decide(
        image: MirroredManifest,
        override: Override | undefined,
        candidates: readonly NamedCandidate[],
        fitting: readonly Reference[],
    ): void {
        const { repository, tag, digest } = image;
        if (override === undefined) {
            this.#open.push(image);
            const problem = openProblem(image, candidates, fitting);
            const release = image.repository === RELEASES ? releaseTag(image, this.#images) : undefined;
            this.#names.problems.push(release === undefined ? problem : ofRelease(problem, image, release));
            return;
        }
        const suffix = tag === undefined ? `@${digest}` : `:${tag}`;
        const named = overriddenReference(override, repository, suffix);
        if (named.tag === undefined) this.#tagless.add(mirroredName(image));
        this.#name(image, [named], () => overrideOrigin(override));
    }

    /** One override for a repository would give one tag to all of its images that have none. */
    #isWhollyOpen(repository: string): boolean {
        const own = this.#images.filter((image) => image.repository === repository);
        const isTagged = own.length === 1 || own.every(({ tag }) => tag !== undefined);
        return isTagged && own.every((image) => this.#open.includes(image));
    }
}

/** Offers an override for the whole repository where it settles all of its images and renames no other. */
function joined(problem: NameProblem, whole: ReadonlySet<string>): NameProblem {
    const repository = problem.name.replace(/[:@].*$/, "");
    if (problem.match === undefined || !whole.has(repository) || problem.needs !== undefined) return problem;
    return { ...problem, match: repository };
}

function openProblem(
    image: MirroredManifest,
    candidates: readonly NamedCandidate[],
    fitting: readonly Reference[],
): NameProblem {
    const [name, isTagless] = [mirroredName(image), image.tag === undefined];
    const what =
        fitting.length > 1
            ? "several upstreams are possible"
            : candidates.length > 0
              ? "the archive names it with another digest: it was changed when it was mirrored"
              : "the archive does not say which host it is of";
    return {
        name,
        digest: image.digest,
        what: isTagless ? `${what}, and has no tag for it` : what,
        candidates: candidates.map(({ reference }) => formatReference(reference)),
        match: name,
        spellings: [name, image.digest],
        isTagless,
        ...(isTagless ? { hint: `${WITH_LINKS} if its tags were lost; or ${HINT}` } : {}),
    };
}

/** oc files a release and its components in one repository, upstream they are in two: neither is this one. */
function ofRelease(problem: NameProblem, { repository, tag }: MirroredManifest, release: string): NameProblem {
    const needs = ["repository"] as const;
    if (tag === release) return { ...problem, needs, what: `${problem.what} and repository the release is of` };
    const { spellings: _, ...rest } = problem;
    const what = `${problem.what} and repository the components of the release are of`;
    return { ...rest, needs, match: `${repository}:${release}-*`, what };
}

function candidateOrigins(candidates: readonly NamedCandidate[]): NameOrigins {
    const origins = new Map(candidates.map(({ reference, origin }) => [sourceKey(reference), origin]));
    return (reference) => origins.get(sourceKey(reference)) ?? { from: "mapping" };
}
