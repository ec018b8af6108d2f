import { type Content, clusterObjects, readSite } from "../../../lib/site";
import { clusterPins, pinIssues } from "../../../lib/site/pinned-images";
import { type Digest, computeDigest } from "../../../lib/oci/digest";

const [one, two] = [computeDigest("one"), computeDigest("two")];
const MIRROR = { host: "registry.lab:8443", prefix: "mirror" };

function set(images: Record<string, Digest>, changes: Partial<Content> = {}): Content {
    const names = { name: "set", archive: ["set"], lock: "set", lockDigest: computeDigest("set") };
    return { ...names, images, earlier: {}, marks: {}, sparse: [], leftOut: [], superseded: [], ...changes };
}

const POOLS = { pools: ["worker"] };
const cluster = (version?: string, images?: readonly string[]) => ({
    ...{ name: "", contactSource: "allow" as const, adopt: false, allowRemoval: false },
    ...(version === undefined ? {} : { version }),
    pin: { ...POOLS, ...(images === undefined ? {} : { images }) },
});
/** What is pinned, and what people are told. */
function pinned(content: readonly Content[], images?: readonly string[]) {
    const { sets, notes } = clusterPins(content, cluster("4.20.4", images));
    return { images: sets.flatMap(({ spec }) => spec.pinnedImages.map(({ name }) => name)), notes };
}
const many = (count: number) =>
    set(Object.fromEntries(Array.from({ length: count }, (_, at) => [`quay.io/org/app-${at}:1`, one])));

test("images are pinned under their upstream names by digest, each once, whichever name the content has for them", () => {
    const content = [
        set({ "quay.io/org/app:1": one, "quay.io/org/app:2": one, [`quay.io/org/app@${two}`]: two }),
        set({}, { earlier: { "docker.io/library/nginx:1": two } }),
    ];
    expect(pinned(content)).toEqual({
        images: [`docker.io/library/nginx@${two}`, ...[one, two].sort().map((digest) => `quay.io/org/app@${digest}`)],
        notes: [],
    });
});

test("what no node pulls by that name and digest is left out", () => {
    const signature = `quay.io/org/app:sha256-${"a".repeat(64)}.sig`;
    const images = {
        "quay.io/org/app:1": one,
        "quay.io/org/lost:1": two,
        "quay.io/org/index:v4.18": two,
        "quay.io/org/catalog:v4.18": two,
        "localhost/openshift/graph-image:latest": two,
        [signature]: two,
        "quay.io/org/chart:1": two,
    };
    const content = set(images, {
        marks: { "quay.io/org/lost:1": "tag-only", "quay.io/org/index:v4.18": "rebuilt" },
        artifacts: ["quay.io/org/chart:1"],
        cluster: {
            catalogs: ["quay.io/org/catalog:v4.18"],
            graphImage: "localhost/openshift/graph-image:latest",
            releases: {},
            signatures: {},
        },
    });
    expect(pinned([content])).toEqual({ images: [`quay.io/org/app@${one}`], notes: [] });
});

test("patterns narrow it by repository, tag and digest; one that matches nothing is told, as are names that the API refuses", () => {
    const content = [
        set({ "quay.io/org/app:1": one, "quay.io/other/app:1": two, "ghcr.io/a/b/c:1": one, "quay.io/org/app:2": two }),
    ];
    const images = ["quay.io/org/*:1", `*/other/app@${two}`, "ghcr.io/**", "docker.io/**"];
    expect(pinned(content, images)).toEqual({
        images: [`quay.io/org/app@${one}`, `quay.io/other/app@${two}`],
        notes: [
            "pin.images: no image of the content matches docker.io/**",
            expect.stringContaining(`are not pinned: ghcr.io/a/b/c@${one}`),
        ],
    });
    const { pinnedImageSets } = clusterObjects({ content, cluster: cluster("4.20.4", images) }, MIRROR);
    expect(pinnedImageSets.map(({ metadata }) => metadata.name)).toEqual(["passthrough-worker-1"]);
});

test("many images are a note, since nodes of older releases never get done, and too many are refused", () => {
    const { notes } = clusterObjects({ content: [many(251)], cluster: cluster() }, MIRROR);
    expect(notes).toEqual([expect.stringContaining("251 images; nodes of releases before May 2026")]);
    expect(pinIssues([many(1000)], cluster())).toEqual([]);
    expect(pinIssues([many(1001)], cluster())).toEqual([
        {
            key: "site.cluster.pin.images",
            problem: "1001 images would be pinned, and a node keeps track of 1000 at most",
            fix: expect.stringContaining("pin: { images:") as string,
        },
    ]);
});

test.each([
    ["4.18.20", "leave it out"],
    ["4.19.5", "leave it out"],
    ["4.19", 'write the whole version, as in "4.19.12", or leave pin out'],
])("OpenShift %s, whose nodes pin nothing, is refused by key", (version, fix) => {
    const problem = `nodes pin images from OpenShift 4.19.12 on, and site.cluster.version is ${version}`;
    expect(pinIssues([], cluster(version))).toEqual([{ key: "site.cluster.pin", problem, fix }]);
    expect(clusterObjects({ content: [many(1)], cluster: cluster(version) }, MIRROR).pinnedImageSets).toEqual([]);
});

describe("in a site's document", () => {
    const read = (pin: unknown) => {
        const registry = { type: "distribution", mirrorBase: "registry.lab.test/mirror" };
        const document = { registry, cluster: { version: "4.20.4", apply: {}, pin } };
        const { site, issues } = readSite(document, undefined, { stack: "lab", now: new Date(), read: () => "" });
        return { pin: site?.clusters[0]?.pin, issues: issues.map(({ key, problem }) => `${key}: ${problem}`) };
    };

    test.each([
        [undefined, undefined],
        [false, undefined],
        [true, { pools: ["master", "worker"] }],
        [{}, { pools: ["master", "worker"] }],
        [
            { pools: ["worker", "infra", "worker"], images: ["quay.io/**"] },
            { pools: ["infra", "worker"], images: ["quay.io/**"] },
        ],
    ])("%j", (pin, expected) => {
        expect(read(pin)).toEqual({ pin: expected, issues: [] });
    });

    test.each([
        [{ pool: ["worker"] }, "site.cluster.pin.pool: there is no such key"],
        [{ pools: [] }, "site.cluster.pin.pools: "],
        [{ pools: ["Worker_1"] }, "site.cluster.pin.pools[0]: "],
        [{ images: ["quäy.io/app"] }, "site.cluster.pin.images[0]: "],
        ["yes", "site.cluster.pin: "],
    ])("%j is refused by key", (pin, message) => {
        expect(read(pin).issues).toEqual([expect.stringContaining(message)]);
    });
});
