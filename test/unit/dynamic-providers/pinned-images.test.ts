import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assessPins, unpinnedLine, withoutUnfilled } from "../../../dynamic-providers/cluster-access/pins";
import { previewLines } from "../../../dynamic-providers/cluster-pinned-images/report";
import { type Lock, serialiseLock } from "../../../lib/lock/lock";
import { type Digest, computeDigest } from "../../../lib/oci/digest";
import { expectedPins, pinnedImageSets } from "../../../lib/openshift";
import { PINNED_IMAGE_SETS } from "../../../lib/openshift/pinned/pinned-image-set";
import { ROLLOUT_PATHS } from "../../../lib/openshift/rollout/rollout-objects";
import { MemoryCluster } from "../../support/memory-cluster";

const digest = (text: string): Digest => computeDigest(text);
const image = (name: string) => `quay.io/org/${name}@${digest(name)}`;
const SETS = pinnedImageSets([image("a")], ["worker"], "passthrough-lab");
const PINS = expectedPins(SETS);
const [PIN] = PINS;

describe("what a cluster says of pinned images before anything is written", () => {
    /** A worker that reports this generation of the set. */
    function cluster(generation: number | undefined): MemoryCluster {
        const client = new MemoryCluster();
        const name = PIN?.name ?? "";
        client.put(PINNED_IMAGE_SETS, { metadata: { name, generation: 2 }, ...{ spec: SETS[0]?.spec } });
        const pool = { spec: { pinnedImageSets: [{ name }] }, status: { machineCount: 1 } };
        client.put(ROLLOUT_PATHS.pools, { metadata: { name: "worker" }, ...pool });
        const reported = { name, desiredGeneration: generation, currentGeneration: generation };
        const status = { pinnedImageSets: generation === undefined ? [] : [reported] };
        const node = { spec: { pool: { name: "worker" } }, status };
        client.put(ROLLOUT_PATHS.machineConfigNodes, { metadata: { name: "worker-0" }, ...node });
        return client;
    }
    const version = { version: "4.20.4" };

    test.each([
        [2, true],
        [1, false],
        [undefined, false],
    ])("a node with generation %s of a set that has 2: %s", async (generation, areHeld) => {
        const found = await assessPins(cluster(generation), version, PINS);
        expect(found).toEqual({ refusals: [], areHeld, isServed: true });
    });

    test("a set with other images than those that are wanted now is not what nodes are to have", async () => {
        const wanted = expectedPins(pinnedImageSets([image("b")], ["worker"], "passthrough-lab"));
        expect(await assessPins(cluster(2), version, wanted)).toMatchObject({ areHeld: false });
    });

    test("a pool that it does not have, and a version whose nodes pin nothing, are refused", async () => {
        const storage = expectedPins(pinnedImageSets([image("a")], ["storage"], "passthrough-lab"));
        expect((await assessPins(cluster(2), version, storage)).refusals).toEqual([
            expect.objectContaining({ object: "MachineConfigPool storage" }),
        ]);
        const { refusals, isServed } = await assessPins(cluster(2), { version: "4.19.11" }, PINS);
        expect(refusals).toEqual([expect.objectContaining({ code: "CLUSTER_VERSION_DIFFERENT" })]);
        expect(isServed).toBe(false);
    });

    test("without sets nothing is asked; a cluster without the kind holds nothing, which the objects themselves report", async () => {
        const empty = new MemoryCluster();
        expect(await assessPins(empty, version)).toMatchObject({ areHeld: true });
        expect(empty.calls).toEqual([]);
        expect(await assessPins(empty, version, PINS)).toEqual({ refusals: [], areHeld: false, isServed: true });
    });

    test("a source is forbidden when nodes are filled; one that is forbidden stays it", () => {
        const rolledOut = { ready: ["docker.io", "quay.io"], waiting: [{ source: "x.test", reason: "no rule yet" }] };
        const state = { refusals: [], isServed: true };
        expect(withoutUnfilled(rolledOut, ["quay.io"], { ...state, areHeld: true })).toEqual(rolledOut);
        expect(withoutUnfilled(rolledOut, ["quay.io"], { ...state, areHeld: false })).toEqual({
            ready: ["quay.io"],
            waiting: [
                ...rolledOut.waiting,
                { source: "docker.io", reason: "waits until every node has the pinned images" },
            ],
        });
    });

    test("sets that go are named, and what becomes of their images", () => {
        expect(unpinnedLine({}, { pinnedSets: PINS })).toBeUndefined();
        expect(unpinnedLine({ pinnedSets: PINS }, { pinnedSets: PINS })).toBeUndefined();
        expect(unpinnedLine({ pinnedSets: PINS }, {})).toMatch(
            /^PinnedImageSet passthrough-lab-worker-1 will be removed: its images stay on the nodes until/,
        );
    });
});

describe("what a preview says of the images", () => {
    let folder: string;
    beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), "pins "))));
    afterAll(() => rmSync(folder, { recursive: true }));

    /** Images that share 1 MB, each with 2 MB of its own. */
    function lockFile(...names: string[]): string {
        const base = digest("base");
        const facts = { mediaType: "application/vnd.oci.image.manifest.v1+json", size: 1 };
        const lock: Lock = {
            ...{ lockVersion: 1, format: "oci-layout", parts: [{ name: "a.tar", size: 1 }], absent: [] },
            images: Object.fromEntries(names.map((name) => [`quay.io/org/${name}:1`, digest(name)])),
            manifests: Object.fromEntries(
                names.map((name) => [digest(name), { ...facts, blobs: [base, digest(`${name} layer`)] }]),
            ),
            blobs: Object.fromEntries([
                [base, 1_000_000],
                ...names.map((name) => [digest(`${name} layer`), 2_000_000] as const),
            ]),
            earlier: { images: {}, manifests: {}, blobs: {} },
        };
        const file = join(folder, `${names.join("-")}.lock.json`);
        writeFileSync(file, serialiseLock(lock));
        return file;
    }
    const inputs = (locks: string[], names: string[]) => ({
        ...{
            sets: PINS.map((set) => ({ ...set })),
            images: names.map(image).join("\n"),
            locks,
            forbidLater: [],
            wait: true,
        },
    });

    test("how many there are and what a node downloads, what is new of it, and what is pinned no more", async () => {
        const locks = [lockFile("a", "b", "c")];
        expect(await previewLines({}, inputs(locks, ["a", "b"]))).toEqual([
            "pins 2 images on every node of worker: each downloads at most 5.00 MB; on disk, unpacked, they take more",
        ]);
        expect(await previewLines(inputs(locks, ["a", "b"]), inputs(locks, ["b", "c"]))).toEqual([
            "pins 2 images on every node of worker: each downloads at most 5.00 MB; on disk, unpacked, they take more",
            "1 image of them is new, with at most 2.00 MB that nodes do not have yet",
            "1 image no longer pinned: nodes may remove them",
        ]);
        expect((await previewLines({}, { ...inputs(locks, ["a"]), wait: false }))[1]).toContain("does not wait");
    });

    test("without a lock that can be read, bytes are left out; an image that none describes is counted", async () => {
        const [line] = await previewLines({}, inputs([join(folder, "gone.lock.json")], ["a"]));
        expect(line).toBe("pins 1 image on every node of worker");
        const [other] = await previewLines({}, inputs([lockFile("b")], ["a", "b"]));
        expect(other).toContain("each downloads at most 3.00 MB, and 1 image of unknown size; on disk");
    });
});
