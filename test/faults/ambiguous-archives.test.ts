import { formatGroups } from "../../lib/errors/format";
import { appendFileSync } from "node:fs";
import { type Archive, describeArchive, verifyStructure } from "../../lib/archives";
import { NamePattern } from "../../lib/mirror/name-pattern";
import { type NameProblem, NamesUnresolved } from "../../lib/archives/naming/name-problem";
import type { Override } from "../../lib/mirror/override";
import type { Digest } from "../../lib/oci/digest";
import type { Reference } from "../../lib/oci/reference";
import { ArchiveBench } from "../support/archives";
import { type AmbiguousArchive, ArchiveInventor, allowedKeys } from "../support/faults/ambiguous-archives";
import { Random, deriveSeed } from "../support/faults/random";
import { offeredOverrides } from "../support/oc-mirror-archive";

jest.setTimeout(1_800_000);

/** All of them in `npm run test:faults`. */
const ROUNDS = process.env.FAULTS === "all" ? 1000 : 60;
/** Names of one archive may come to light only when those of another are settled. */
const MOST_ANSWERS = 4;

const bench = new ArchiveBench();
afterEach(() => bench.clear());

type Truth = ReadonlyMap<Digest, readonly Reference[]>;

/** What somebody writes who knows where each image comes from: the offered overrides, pasted and filled in. */
function answer(error: NamesUnresolved, truth: Truth): Override[] {
    return offeredOverrides(error, (match) => {
        const [reference] = findTruth(covered(match, error.names)[0], truth);
        return {
            "upstream host": reference?.registry ?? "",
            "repository there": reference?.repository ?? "",
            "tag there": reference?.tag ?? "none",
        };
    }).flatMap((override) => completed(override, covered(override.match, error.names), truth));
}

function findTruth(problem: NameProblem | undefined, truth: Truth): readonly Reference[] {
    return truth.get(problem?.digest ?? "") ?? [];
}

/** The problems that an offered override settles. */
function covered(match: string, problems: readonly NameProblem[]): NameProblem[] {
    const pattern = new NamePattern(match);
    return problems.filter(
        (problem) =>
            problem.match === match ||
            pattern.matches(problem.name) ||
            problem.name.replace(/[:@].*$/, "") === match ||
            problem.spellings?.includes(match),
    );
}

/** One override for a repository is for images of one host: where they are not, each gets its own. */
function completed(override: Override, problems: readonly NameProblem[], truth: Truth): Override[] {
    const places = problems.map((problem) => findTruth(problem, truth)[0]);
    const isOne = new Set(places.map((place) => `${place?.registry}/${place?.repository}`)).size <= 1;
    const matches = isOne ? [override.match] : problems.map(({ digest }) => digest);
    return matches.map((match, at) => {
        const place = places[at];
        if (place === undefined) return { ...override, match };
        const { tag = override.tag } = { tag: override.tag === undefined ? undefined : place.tag };
        return { match, registry: place.registry, repository: place.repository, ...(tag === undefined ? {} : { tag }) };
    });
}

async function settle(archive: Archive, truth: Truth) {
    const overrides: Override[] = [];
    for (let round = 0; ; round++) {
        try {
            return { ...(await describeArchive(archive, overrides)), asked: round };
        } catch (error) {
            if (!(error instanceof NamesUnresolved) || round === MOST_ANSWERS) throw error;
            const more = answer(error, truth);
            if (more.length === 0) throw error;
            overrides.unshift(...more);
        }
    }
}

/** Wrong names, and images that are neither locked nor spoken of. */
async function faultsIn({ files, truth }: AmbiguousArchive): Promise<{ faults: string[]; asked: number }> {
    const archive = await bench.openFiles(files);
    const { lock, notes, asked } = await settle(archive, truth);
    const names = Object.entries(lock.images);
    const wrong = names
        .filter(([key, digest]) => !allowedKeys(digest, truth.get(digest) ?? []).has(key))
        .map(([key, digest]) => `wrong name: ${key} is ${digest}`);
    const locked = new Set(names.map(([, digest]) => digest));
    const told = [...notes, ...archive.warnings].join("\n");
    const silent = [...truth]
        .filter(([digest]) => !locked.has(digest) && !told.includes(digest))
        .map(([digest, references]) => `left out: ${digest} ${JSON.stringify(references)}`);
    const unsourced = names
        .filter(([key]) => lock.nameSources?.[key] === undefined)
        .map(([key]) => `no source: ${key}`);
    const differences = formatGroups(await verifyStructure(archive, lock));
    return { faults: [...wrong, ...silent, ...unsourced, ...differences], asked };
}

test(`of ${ROUNDS} archives with names that do not tell everything, none is locked under a wrong name or left out in silence`, async () => {
    let [asked, images] = [0, 0];
    for (let round = 0; round < ROUNDS; round++) {
        const invented = new ArchiveInventor(new Random(deriveSeed("ambiguous archives", round))).invent();
        const found = await faultsIn(invented).catch((error: unknown) => ({ faults: [String(error)], asked: 0 }));
        expect({ round, kinds: invented.kinds, faults: found.faults }).toEqual({
            round,
            kinds: invented.kinds,
            faults: [],
        });
        asked += found.asked > 0 ? 1 : 0;
        images += invented.truth.size;
        await bench.clear();
    }
    const report = `ambiguous archives: ${ROUNDS} archives with ${images} images, ${asked} of them asked for names\n`;
    if (process.env.FAULT_REPORT) appendFileSync(process.env.FAULT_REPORT, report);
    // A generator whose archives all tell everything would prove nothing.
    expect(asked).toBeGreaterThan(ROUNDS / 4);
});
