import type { Problem } from "../errors/problem";
import { type ImageCheck, type ImageProblem, type ImagesBySource, imageTask } from "../import";
import type { ImageMark } from "../mirror/image-set";
import type { MirrorBase } from "../mirror/mirror-reference";
import { type Reference, parseReference, parseSourceKey } from "../oci/reference";
import { parseRegistriesConf, resolvePull } from "../openshift";

/** Where the mirror must have the images, so that pulls find them. */
export interface PullChecks {
    readonly checks: readonly ImageCheck[];
    /** Images that no pull by their upstream name gets from the mirror. */
    readonly unredirected: readonly ImageProblem[];
    /** Images that rules redirect by digest only. */
    readonly digestOnly: readonly string[];
}

/** Images, and how pulls of them are redirected. */
export interface PullCheckRequest {
    readonly images: ImagesBySource;
    /** Images whose digest is not upstream's. */
    readonly marks?: Readonly<Record<string, ImageMark>> | undefined;
    readonly mirror: MirrorBase;
    /** What a node makes of the mirror rules, TOML. */
    readonly registriesConf: string;
    /** How many images are to be read byte for byte. */
    readonly wholeImages: number;
}

/**
 * Follows the rules for each image as the container runtime would, by digest and by tag.
 * @throws PassthroughError if the rules cannot be read
 */
export function pullChecks(request: PullCheckRequest): PullChecks {
    const resolver = new PullResolver(request);
    for (const [source, digest] of Object.entries(request.images)) {
        const mark = request.marks?.[source];
        if (mark === undefined) resolver.byDigest(source, digest);
        else resolver.byTag(source, digest, mark);
    }
    return resolver;
}

/** The checks for clusters with different rules: each once. */
export function joinPullChecks(all: readonly PullChecks[]): PullChecks {
    const once = <T>(items: readonly T[]) => [...new Map(items.map((item) => [JSON.stringify(item), item])).values()];
    return {
        checks: once(all.flatMap(({ checks }) => checks)),
        unredirected: once(all.flatMap(({ unredirected }) => unredirected)),
        digestOnly: once(all.flatMap(({ digestOnly }) => digestOnly)),
    };
}

class PullResolver implements PullChecks {
    readonly checks: ImageCheck[] = [];
    readonly unredirected: ImageProblem[] = [];
    readonly digestOnly: string[] = [];
    readonly #mirroredReference: (reference: Reference) => Reference | undefined;
    readonly #base: MirrorBase;
    readonly #whole: ReadonlySet<string>;

    constructor(request: PullCheckRequest) {
        const conf = parseRegistriesConf(request.registriesConf, "the registries.conf of the mirror rules");
        this.#mirroredReference = (reference) => {
            const first = resolvePull(conf, reference).attempts[0];
            return first?.viaMirror === true ? parseReference(first.reference) : undefined;
        };
        this.#base = request.mirror;
        this.#whole = wholeImages(request);
    }

    /** By digest it must come from the mirror; if it has a tag and rules redirect tags, by that too. */
    byDigest(source: string, digest: string): void {
        const { registry, repository, tag } = parseSourceKey(source);
        const byDigest = this.#mirroredReference({ registry, repository, digest });
        if (byDigest === undefined) {
            return this.#unredirected(source, {
                problem: "no mirror rule redirects pulls of it by digest",
                fix: "run `npm run up`, so that the mirror rules match the content",
            });
        }
        const byTag = tag === undefined ? undefined : this.#mirroredReference({ registry, repository, tag });
        if (tag !== undefined && byTag === undefined) this.digestOnly.push(source);
        this.#check(source, digest, byDigest.repository, byTag?.tag);
    }

    /** Its digest is not upstream's: only pulls by tag can find it. */
    byTag(source: string, digest: string, mark: ImageMark): void {
        const { registry, repository, tag } = parseSourceKey(source);
        const found = tag === undefined ? undefined : this.#mirroredReference({ registry, repository, tag });
        if (found !== undefined) return this.#check(source, digest, found.repository, found.tag);
        if (tag !== undefined && mark === "tag-only") {
            return this.#unredirected(source, {
                problem: "no mirror rule redirects pulls of it by tag, and its upstream digest is lost",
                fix: "mirror it with its digest: skopeo copy --all --preserve-digests docker://<image> dir:<folder>",
            });
        }
        // A rebuilt catalog is named by its place at the mirror; what has no tag is there for later sets alone.
        const task = imageTask(this.#base, source, digest);
        this.#check(source, digest, task.repository, task.tag);
    }

    #check(source: string, digest: string, repository: string, tag: string | undefined): void {
        const whole = this.#whole.has(source);
        this.checks.push({ source, digest, repository, whole, ...(tag === undefined ? {} : { tag }) });
    }

    #unredirected(source: string, problem: Pick<Problem, "problem" | "fix">): void {
        this.unredirected.push({ source, problems: [{ code: "NOT_REDIRECTED", ...problem }] });
    }
}

/** A sample that is the same in every run of the same content, and another one when content changes. */
function wholeImages(request: PullCheckRequest): ReadonlySet<string> {
    const byDigest = Object.entries(request.images).sort(([, a], [, b]) => (a < b ? -1 : a > b ? 1 : 0));
    return new Set(byDigest.slice(0, request.wholeImages).map(([source]) => source));
}
