import { listed } from "../../lib/errors/text";
import type { ImageMark } from "../../lib/mirror/image-set";
import { mirrorReference, parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { formatReference, parseSourceKey } from "../../lib/oci/reference";
import type { RecordedImport, RecordedSite, RecordedValidation } from "./recorded-site";
import type { ImageProof, ProofPart, ReportImage, ReportProblem } from "./site-report";

/** How many images a problem names; the list of images has all. */
const MAX_NAMED = 10;

const MISSING = "an import or a refresh found it missing or damaged at the registry";

/** Each image of the state, by source and digest: what holds it, and what each validation says of it. Sorted by source. */
export function imageProofs({ imports, validations }: Pick<RecordedSite, "imports" | "validations">): ReportImage[] {
    const base = imports[0]?.registry.mirrorBase;
    if (base === undefined) return [];
    const mirror = parseMirrorBase(base);
    const judges = validations.map((validation) => new ValidationJudge(validation));
    const found = new Map<string, { source: string; digest: string | undefined; sets: string[]; isMissing: boolean }>();
    const add = (source: string, digest: string | undefined, set: string, isMissing: boolean) => {
        const key = `${source} ${digest ?? ""}`;
        const known = found.get(key);
        if (known === undefined) found.set(key, { source, digest, sets: [set], isMissing });
        else if (!known.sets.includes(set)) known.sets.push(set);
    };
    for (const { name, images } of imports)
        for (const [source, digest] of Object.entries(images)) add(source, digest, name, false);
    for (const { name, images, incomplete } of imports) {
        const missing = incomplete.filter((source) => images[source] === undefined);
        for (const source of missing) add(source, knownDigest(source, validations), name, true);
    }
    return [...found.values()]
        .sort((a, b) => (a.source < b.source ? -1 : a.source > b.source ? 1 : 0))
        .map(({ source, digest, sets, isMissing }) => {
            const mark = validations.map(({ marks }) => marks[source]).find((one) => one !== undefined);
            return {
                source,
                mirror: formatReference(mirrorReference(mirror, parseSourceKey(source))),
                ...(digest === undefined ? {} : { digest }),
                ...(mark === undefined ? {} : { mark }),
                sets,
                proofs: judges.map((judge) => judge.judge(source, digest, isMissing)),
            };
        });
}

function knownDigest(source: string, validations: readonly RecordedValidation[]): string | undefined {
    return validations.map(({ images }) => images[source]).find((digest) => digest !== undefined);
}

/** What one validation says of images. */
class ValidationJudge {
    readonly #whole: ReadonlySet<string>;
    readonly #digestOnly: ReadonlySet<string>;
    readonly #failing: ReadonlySet<string>;

    constructor(private readonly validation: RecordedValidation) {
        const { whole, digestOnly, failing } = validation.summary;
        this.#whole = new Set(whole);
        this.#digestOnly = new Set(digestOnly);
        this.#failing = new Set(failing);
    }

    judge(source: string, digest: string | undefined, isMissing: boolean): ImageProof {
        const { cluster, marks } = this.validation;
        const problem = isMissing ? MISSING : this.#problem(source, digest);
        if (problem !== undefined) return { cluster, proven: [], problem };
        return { cluster, proven: this.#parts(source, marks[source]) };
    }

    #problem(source: string, digest: string | undefined): string | undefined {
        const { images, summary } = this.validation;
        if (this.#failing.has(source)) return "a refresh found that it cannot be pulled";
        // A refresh that was refused altogether names no image.
        if (summary.status === "failing" && this.#failing.size === 0)
            return "a refresh could not pull: the registry rejects the account, or is broken";
        if (images[source] === undefined) return "no validation since it was imported";
        if (images[source] !== digest) return "no validation since its digest changed";
        return undefined;
    }

    #parts(source: string, mark: ImageMark | undefined): ProofPart[] {
        const { tag } = parseSourceKey(source);
        return [
            ...(mark === undefined ? (["digest"] as const) : []),
            ...(tag === undefined || this.#digestOnly.has(source) ? [] : (["tag"] as const)),
            this.#whole.has(source) ? ("every byte" as const) : ("all blobs" as const),
        ];
    }
}

/** What keeps images from being proven, each cause once, with the first images that it is about. */
export function imageProblems(images: readonly ReportImage[]): ReportProblem[] {
    const causes = new Map<
        string,
        { readonly cluster: string; readonly problem: string; readonly sources: string[] }
    >();
    for (const { source, proofs } of images) {
        for (const { cluster, problem } of proofs) {
            if (problem === undefined) continue;
            // What the registry lacks, it lacks for every cluster.
            const key = problem === MISSING ? MISSING : `${cluster} ${problem}`;
            const cause = causes.get(key) ?? { cluster: problem === MISSING ? "" : cluster, problem, sources: [] };
            causes.set(key, cause);
            if (cause.sources.at(-1) !== source) cause.sources.push(source);
        }
    }
    return [...causes.values()].map(({ cluster, problem, sources }) => ({
        subject: cluster === "" ? "images" : `images for cluster ${cluster}`,
        problem: `${sources.length} of ${images.length} not proven (${problem}): ${listed(sources, MAX_NAMED)}`,
        fix: "run `npm run up`",
    }));
}

/** Images of a set that nothing can be pulled of: the registry rejected the account that looked at them, or was broken. */
export function unseenProblems(imports: readonly RecordedImport[]): ReportProblem[] {
    return imports
        .filter(({ unseen }) => unseen === true)
        .map(({ name }) => ({
            subject: `set ${name}`,
            problem: "a refresh could not look at its images: the registry rejected the account, or was broken",
            fix:
                "run `npm run up`, which mends a registry that it deploys and replaces an account that is not accepted, or correct the " +
                "configured one",
        }));
}
