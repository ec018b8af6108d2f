import { type CoveredImage, decideNever } from "../../../lib/passthrough";
import type { Problem } from "../../../lib/errors/problem";

const FORBIDDEN: Problem = { code: "CLUSTER_FORBIDDEN", thing: "pods", problem: "may not list pods" };
const DOWN: Problem = { code: "NETWORK", problem: "connection refused" };

const lacking = (image: string, source: string, facts: Partial<CoveredImage> = {}): CoveredImage => ({
    image,
    owners: ["Deployment shop/web, container app"],
    state: "missing",
    reference: image,
    sources: [source],
    ...facts,
});
const QUAY = lacking("quay.io/org/app:1", "quay.io");
const COVERED: CoveredImage = { image: "docker.io/library/nginx:1", owners: ["Pod a"], state: "covered" };

interface Case {
    readonly inForce?: readonly string[];
    readonly images?: readonly CoveredImage[];
    readonly unread?: readonly Problem[];
    readonly accept?: readonly string[];
}

function decide({ inForce = [], images = [], unread = [], accept = [] }: Case) {
    const decision = decideNever({ candidates: ["docker.io", "quay.io"], inForce, images, unread, accept });
    return {
        never: decision.neverSources,
        refused: decision.refused.map(({ source, images: own }) => [source, ...own.map(({ image }) => image)]),
        unknown: decision.unknown.map(({ source, problem: { code } }) => [source, code]),
        unused: decision.unusedAccepts,
    };
}
const ALL = { never: ["docker.io", "quay.io"], refused: [], unknown: [], unused: [] };
const DOCKER_ALONE = { ...ALL, never: ["docker.io"] };

test.each<[string, Case, object]>([
    ["nothing is named", {}, ALL],
    ["all is covered", { images: [COVERED] }, ALL],
    [
        "an image is missing: its source alone",
        { images: [COVERED, QUAY] },
        { ...DOCKER_ALONE, refused: [["quay.io", "quay.io/org/app:1"]] },
    ],
    ["a source in force stays forbidden", { inForce: ["quay.io"], images: [QUAY] }, ALL],
    ["of another rule", { images: [lacking("quay.io/corp/app:1", "quay.io/corp")] }, ALL],
    ["no rule redirects it", { images: [lacking("ghcr.io/a/b:1", "", { sources: [] })] }, ALL],
    ["only samples name it", { images: [{ ...QUAY, isSample: true }] }, ALL],
    ["on the nodes", { images: [{ ...QUAY, state: "nodes" }] }, ALL],
    ["accepted by name", { images: [QUAY], accept: ["quay.io/org/app:1"] }, ALL],
    ["accepted by repository", { images: [QUAY], accept: ["quay.io/org/app"] }, ALL],
    ["accepted by folder", { images: [QUAY], accept: ["quay.io/org/**"] }, ALL],
    [
        "accepted as an object writes it",
        { images: [lacking("org/app", "quay.io", { reference: "quay.io/org/app:latest" })], accept: ["org/app"] },
        ALL,
    ],
    [
        "another tag is accepted",
        { images: [QUAY], accept: ["quay.io/org/app:2"] },
        { ...DOCKER_ALONE, refused: [["quay.io", "quay.io/org/app:1"]], unused: ["quay.io/org/app:2"] },
    ],
    [
        "an accepted image is no longer missing",
        { images: [COVERED], accept: [COVERED.image] },
        { ...ALL, unused: [COVERED.image] },
    ],
    [
        "not looked up",
        { images: [{ ...QUAY, state: "unknown", problem: DOWN }] },
        { ...DOCKER_ALONE, unknown: [["quay.io", "NETWORK"]] },
    ],
    [
        "not looked up, and accepted",
        { images: [{ ...QUAY, state: "unknown", problem: DOWN }], accept: ["quay.io/**"] },
        ALL,
    ],
    ["a pattern that is written twice", { accept: ["ghcr.io/**", "ghcr.io/**"] }, { ...ALL, unused: ["ghcr.io/**"] }],
    [
        "a pattern, and not all images are known",
        { unread: [FORBIDDEN], inForce: ["docker.io", "quay.io"], accept: ["a"] },
        ALL,
    ],
    [
        "kinds that could not be read",
        { unread: [FORBIDDEN], inForce: ["docker.io"] },
        { ...DOCKER_ALONE, unknown: [["quay.io", "CLUSTER_FORBIDDEN"]] },
    ],
    [
        "kinds that could not be read, and an image is missing",
        { unread: [FORBIDDEN], images: [QUAY] },
        {
            ...ALL,
            never: [],
            refused: [["quay.io", "quay.io/org/app:1"]],
            unknown: [["docker.io", "CLUSTER_FORBIDDEN"]],
        },
    ],
])("never: %s", (_name, given, expected) => {
    expect(decide(given)).toEqual(expected);
});
