import { formatProblem, formatWithoutFix } from "../../lib/errors/format";
import { counted, firstLines, listed, printable } from "../../lib/errors/text";
import { type CoveredImage, imageSetAddition, imageSetLines } from "../../lib/passthrough";
import { clusterKey } from "../../lib/site";
import { clusterLine } from "../cluster/cluster-name";
import type { ResourceLog } from "../lifecycle/engine";
import type { CoverageAssessment } from "./assess";
import type { ClusterCoverageInputs, RefusedSource } from "./kind";

type Cluster = Pick<ClusterCoverageInputs, "cluster">;

/** How many images a message names. */
const MAX_IMAGES = 10;
/** How many owners of an image a message names. */
const MAX_OWNERS = 2;
/** How many images of a refused source state has. */
const MAX_STORED = 5;
const MAX_LINES = 20;
const FULL_LIST = "the full list: passthrough coverage --kubeconfig <file>";

/** Logs what the mirror lacks, with owners and what to add, and which sources stay allowed for it. */
export function logCoverage(found: CoverageAssessment, inputs: Cluster, log: ResourceLog): void {
    log.line("info", clusterLine(inputs, summary(found)));
    const warnings = [
        ...missingWarning(found),
        ...unreadWarning(found, inputs),
        ...unlookedWarning(found),
        ...refusedWarning(found, inputs),
        ...unknownWarning(found),
        ...acceptWarning(found, inputs),
    ];
    for (const warning of warnings) log.line("warning", clusterLine(inputs, warning));
}

function summary({ images, decision }: CoverageAssessment): string {
    const count = (state: CoveredImage["state"]) => images.filter((image) => image.state === state).length;
    const parts: [number, string][] = [
        [count("nodes"), "in the release registry of its own nodes (InternalReleaseImage), which only they can ask"],
        [decision.accepted.length, "accepted without"],
        [samples(images).length, "missing, but named by ImageStreams of the samples operator alone"],
    ];
    const others = parts.filter(([number]) => number > 0).map(([number, text]) => `; ${number} ${text}`);
    const total = images.length - count("internal");
    return `the mirror has ${count("covered")} of ${counted(total, "image")} that its objects name${others.join("")}`;
}

const samples = (images: readonly CoveredImage[]) =>
    images.filter(({ state, isSample }) => state === "missing" && isSample === true);

/** Those that somebody has to add or accept. */
function missingImages({ images, decision }: CoverageAssessment): CoveredImage[] {
    return images.filter(
        (image) =>
            (image.state === "missing" || image.state === "invalid") &&
            image.isSample !== true &&
            !decision.accepted.includes(image),
    );
}

function missingWarning(found: CoverageAssessment): string[] {
    const missing = missingImages(found);
    if (missing.length === 0) return [];
    const forbidden = missing.filter(({ sources = [] }) => sources.some((source) => found.inForce.includes(source)));
    const add = imageSetAddition(missing, found.named.release);
    const hasAddition = add.images.length > 0 || add.release !== undefined;
    return [
        [
            `${counted(missing.length, "image")} that its objects name ${missing.length === 1 ? "is" : "are"} not at the mirror:`,
            ...firstLines(missing.map(imageLine), MAX_IMAGES).map((line) => `  ${line}`),
            ...(forbidden.length === 0
                ? []
                : [
                      `nodes pull ${counted(forbidden.length, "of them", "of them")} from nowhere: contactSource: never is in force`,
                  ]),
            ...(hasAddition
                ? [
                      "to add to the image set (ImageSetConfiguration of oc-mirror):",
                      ...firstLines(imageSetLines(add), MAX_LINES).map((line) => `  ${line}`),
                  ]
                : []),
            FULL_LIST,
        ].join("\n    "),
    ];
}

/** "quay.io/org/app:1.0 (Pod shop/web, container app): why". */
export function imageLine({ image, owners, problem }: CoveredImage): string {
    const reason = problem === undefined ? "" : `: ${formatProblem(problem)}`;
    return `${printable(image)} (${listed(owners, MAX_OWNERS)})${reason}`;
}

function unreadWarning({ named: { problems } }: CoverageAssessment, inputs: Cluster): string[] {
    const [first] = problems;
    if (first === undefined) return [];
    const kinds = listed(
        problems.map(({ thing = "" }) => thing),
        MAX_IMAGES,
    );
    const key = coverageKey(inputs);
    return [
        `images of ${kinds} are not known (${formatWithoutFix(first)}); apply the role of roles/coverage.yaml ` +
            `(${clusterKey({ name: inputs.cluster })}.roles: [coverage]), or switch the check off: ${key}.check: false`,
    ];
}

function unlookedWarning({ images }: CoverageAssessment): string[] {
    const unknown = images.filter(({ state }) => state === "unknown");
    const [first] = unknown;
    if (first?.problem === undefined) return [];
    return [
        `${counted(unknown.length, "image")} could not be looked up at the mirror: ${printable(first.image)}: ` +
            formatProblem(first.problem),
    ];
}

function refusedWarning(found: CoverageAssessment, inputs: Cluster): string[] {
    const refused = refusedSources(found);
    if (refused.length === 0) return [];
    return [`${refusalText(refused)}; \`up\` writes everything else, and fails then; ${refusalFix(refused, inputs)}`];
}

function unknownWarning({ decision: { unknown } }: CoverageAssessment): string[] {
    const [first] = unknown;
    if (first === undefined) return [];
    const sources = unknown.map(({ source }) => source);
    return [
        `contactSource: never does not take effect yet for ${listed(sources, MAX_IMAGES)}: it is not known whether the mirror ` +
            `has all images in use (${formatWithoutFix(first.problem)})`,
    ];
}

function acceptWarning({ decision: { unusedAccepts } }: CoverageAssessment, inputs: Cluster): string[] {
    if (unusedAccepts.length === 0) return [];
    return [
        `${coverageKey(inputs)}.accept: no missing image matches ${listed(unusedAccepts, MAX_IMAGES)}; correct or remove it`,
    ];
}

/** What state keeps of the sources that stay allowed because of missing images. */
export function refusedSources({ decision }: CoverageAssessment): RefusedSource[] {
    return decision.refused.map(({ source, images }) => ({
        source,
        images: images
            .slice(0, MAX_STORED)
            .map(({ image, owners }) => ({ image, owners: owners.slice(0, MAX_OWNERS) })),
        total: images.length,
    }));
}

/** One line for each source, with its images and their owners. */
export function refusalText(refused: readonly RefusedSource[]): string {
    const lines = refused.map(({ source, images, total }) => {
        const named = images.map(({ image, owners }) => `${printable(image)} (${owners.map(printable).join(", ")})`);
        const more = total > images.length ? ` and ${total - images.length} more` : "";
        return `  ${source}: ${named.join(", ")}${more}`;
    });
    return ["contactSource: never is refused while images in use are missing at the mirror:", ...lines].join("\n    ");
}

/** With the line to paste into the configuration. */
export function refusalFix(refused: readonly RefusedSource[], inputs: Cluster): string {
    const names = [...new Set(refused.flatMap(({ images }) => images.map(({ image }) => JSON.stringify(image))))];
    const isCut = refused.some(({ images, total }) => total > images.length);
    return (
        "add them to the image set, or accept that no node can pull them: " +
        `${coverageKey(inputs)}.accept: [${names.join(", ")}${isCut ? ", …" : ""}] (${FULL_LIST})`
    );
}

function coverageKey({ cluster }: Cluster): string {
    return `${clusterKey({ name: cluster })}.coverage`;
}
