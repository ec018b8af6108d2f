import type { ClusterPinnedImagesOutputs } from "../../dynamic-providers/cluster-pinned-images/kind";
import { clusterPinnedImagesProvider } from "../../dynamic-providers/cluster-pinned-images/provider";
import { computeDigest } from "../../lib/oci/digest";
import { isPinnable, pinnedImageSets } from "../../lib/openshift";
import type { ApiObject } from "../support/cluster/api-client";
import { PinCluster, SET, someImages } from "../support/pin-cluster";

jest.setTimeout(120_000);

const MINUTE = 60_000;
const NO_SPACE =
    'failed to pull image "quay.io/org/app-1@sha256:1" (1 tries): write /var/tmp/x: no space left on device';
const IMAGES = someImages(3);

let cluster: PinCluster;

beforeAll(async () => {
    cluster = await PinCluster.start();
});
afterAll(() => cluster.stop());
beforeEach(() => cluster.reset());

function expectFilled({ pools, behind }: ClusterPinnedImagesOutputs): void {
    expect(pools.map(({ pool, nodes }) => [pool, nodes]).sort()).toEqual([
        ["infra", 1],
        ["master", 3],
        ["worker", 2],
    ]);
    expect(behind).toEqual([]);
}

test("waits until every node of every pool has the images, custom ones too, with the least rights; pools without nodes are done", async () => {
    const pins = await cluster.pin(IMAGES);
    const outs = await cluster.create(pins);
    expect(cluster.clock.sleeps).toBeGreaterThan(1);
    expectFilled(outs);

    // A run that changes nothing passes at once; so does one after it that asks again.
    expect(clusterPinnedImagesProvider.compare(outs, cluster.inputs(pins))).toEqual({ changes: false });
    const { sleeps } = cluster.clock;
    expectFilled(await cluster.create(pins));
    expect(cluster.clock.sleeps).toBe(sleeps);
});

test("images that somebody else has put into a set are taken out: to apply ours again would leave them there", async () => {
    const pins = await cluster.pin(IMAGES);
    const [foreign = ""] = someImages(9).filter((image) => !IMAGES.includes(image));
    const set = { ...SET, metadata: { name: "passthrough-lab-worker-1" } };
    const names = async () => {
        const found = await cluster.server.admin.get<ApiObject>(set);
        return (found?.spec?.["pinnedImages"] as { name: string }[]).map(({ name }) => name).sort();
    };
    const pinnedImages = [...IMAGES, foreign].map((name) => ({ name }));
    await cluster.server.admin.patch(set, { spec: { pinnedImages } });
    await cluster.pin(IMAGES);
    expect(await names()).toHaveLength(IMAGES.length + 1);

    expectFilled(await cluster.create(pins));
    expect(await names()).toEqual(IMAGES);
    expect(cluster.lines.join("\n")).toContain(
        "images that are not of the site are taken out of passthrough-lab-worker-1",
    );
});

test("nodes that have a set as it was before have not started: the generation that it has now counts", async () => {
    await cluster.create(await cluster.pin(IMAGES));
    cluster.startRun();
    const pins = await cluster.pin(someImages(5));
    cluster.clock.onSleep = () => undefined;
    await expect(cluster.create({ ...pins, minutes: 5 })).rejects.toMatchObject({
        code: "ROLLOUT_TIMEOUT",
        problem: expect.stringMatching(/worker: 0 of 2 nodes hold the images \(worker-0: 0 of 1 set/) as string,
        fix: expect.stringContaining("it continues to wait") as string,
    });
    cluster.startRun();
    expectFilled(await cluster.create(pins));
    expect(cluster.clock.sleeps).toBeGreaterThan(0);
});

test("sets that no pool has been given: the operator is named", async () => {
    cluster.controllers.script = { takesSets: false };
    cluster.passEvery(40);
    await expect(cluster.create(await cluster.pin(IMAGES))).rejects.toMatchObject({
        code: "ROLLOUT_TIMEOUT",
        problem: expect.stringContaining(
            "the machine-config operator to give passthrough-lab-worker-1 to pool worker",
        ) as string,
        fix: expect.stringContaining("deploy/machine-config-controller") as string,
    });
    expect(cluster.clock.now()).toBe(10 * MINUTE);
});

test("nodes whose time limit is over again and again are at work, and no failure", async () => {
    cluster.controllers.script = { slowNodes: { "worker-1": 8 } };
    cluster.passEvery(20);
    expectFilled(await cluster.create(await cluster.pin(IMAGES)));
    expect(cluster.clock.now()).toBeGreaterThan(10 * MINUTE);
});

test("a node without space fails the run at once with what it says; the next run waits for its next attempt", async () => {
    cluster.controllers.script = { failingNodes: { "worker-1": NO_SPACE } };
    const pins = await cluster.pin(IMAGES);
    await expect(cluster.create(pins)).rejects.toMatchObject({
        code: "ROLLOUT_FAILED",
        problem: expect.stringMatching(/pool worker: node worker-1 cannot pin the images: .*no space left/) as string,
        fix: expect.stringContaining("cluster.pin.images") as string,
    });
    expect(cluster.clock.now()).toBeLessThan(MINUTE);

    // It has space now, and still reports the attempt of before.
    cluster.controllers.script = {};
    cluster.startRun();
    expectFilled(await cluster.create(pins));

    cluster.controllers.script = { failingNodes: { "worker-1": NO_SPACE } };
    cluster.startRun();
    const more = await cluster.pin(someImages(4));
    await expect(cluster.create(more)).rejects.toMatchObject({ code: "ROLLOUT_FAILED" });
    cluster.startRun();
    await expect(cluster.create(more)).rejects.toMatchObject({ code: "ROLLOUT_FAILED" });
});

test("pulls that fail are repeated by the node; after 10 minutes without progress the run fails with what it says", async () => {
    const refused = 'failed to pull image "quay.io/org/app-1@sha256:1" (5 tries): timed out: unauthorized';
    cluster.controllers.script = { failingNodes: { "master-2": refused } };
    cluster.passEvery(10);
    const pins = await cluster.pin(IMAGES);
    await expect(cluster.create(pins)).rejects.toMatchObject({
        code: "ROLLOUT_FAILED",
        problem: `pool master: node master-2 cannot pin the images: ${refused}`,
        fix: expect.stringContaining("oc describe machineconfignode master-2") as string,
    });
    expect(cluster.clock.now()).toBeGreaterThanOrEqual(10 * MINUTE);

    cluster.startRun();
    cluster.clock.onSleep = async (sleeps) => {
        if (sleeps === 5) cluster.controllers.script = {};
        await cluster.controllers.pass();
    };
    expectFilled(await cluster.create(pins));
});

test("a daemon, controllers and an API server that restart in between are waited for", async () => {
    cluster.controllers.script = { slowNodes: { "worker-0": 8 } };
    const pins = await cluster.pin(IMAGES);
    let isDown = false;
    cluster.clock.onSleep = async (sleeps) => {
        if (sleeps === 4) {
            await cluster.server.kill();
            isDown = true;
        } else if (isDown && sleeps === 6) {
            await cluster.server.restart();
            isDown = false;
        } else if (!isDown) {
            if (sleeps === 10) for (const node of ["worker-1", "master-0"]) cluster.controllers.restart(node);
            await cluster.controllers.pass();
        }
    };
    expectFilled(await cluster.create(pins));
    expect(cluster.clock.sleeps).toBeGreaterThan(10);
});

test("a set that somebody changes or removes fails the run, by name", async () => {
    const pins = await cluster.pin(IMAGES);
    await cluster.pin(someImages(2), ["worker"]);
    await expect(cluster.create(pins)).rejects.toMatchObject({
        code: "ROLLOUT_FAILED",
        problem: "PinnedImageSet passthrough-lab-worker-1 was changed or removed after it was written",
    });
    await cluster.remove("passthrough-lab-worker-1");
    await expect(cluster.create(pins)).rejects.toMatchObject({ code: "ROLLOUT_FAILED" });
});

test("a set that was removed and written again is waited for", async () => {
    const pins = await cluster.pin(IMAGES);
    await cluster.create(pins);
    await cluster.remove("passthrough-lab-worker-1");
    await cluster.controllers.settle();
    const again = await cluster.pin(IMAGES);
    expect(clusterPinnedImagesProvider.compare(await cluster.create(again), cluster.inputs(pins))).toEqual({
        changes: true,
    });
    expect(cluster.clock.sleeps).toBeGreaterThan(2);
});

test("a pool that the cluster does not have fails the run, by name", async () => {
    await expect(cluster.create(await cluster.pin(IMAGES, ["storage"]))).rejects.toMatchObject({
        code: "ROLLOUT_FAILED",
        problem: "the cluster does not have the machine config pool storage",
        fix: expect.stringContaining("cluster.pin.pools") as string,
    });
});

test("more images than the API takes are pinned in several sets", async () => {
    const pins = await cluster.pin(someImages(620));
    expect(pins.sets.length).toBe(4);
    expectFilled(await cluster.create(pins));
    cluster.startRun();
    const one = await cluster.pin(someImages(621));
    const changed = one.sets.filter(({ images }, i) => images !== pins.sets[i]?.images);
    expect(changed.map(({ pool }) => pool)).toEqual(["master", "worker"]);
    expectFilled(await cluster.create(one));
});

test("an interrupt ends the wait with its reason, and the next run finishes", async () => {
    const pins = await cluster.pin(IMAGES);
    cluster.clock.onSleep = async () => {
        await cluster.controllers.pass();
        cluster.interrupt();
    };
    await expect(cluster.create(pins)).rejects.toThrow("interrupted");
    cluster.startRun();
    expectFilled(await cluster.create(pins));
});

test("without waiting: the operator takes the sets, and a refresh finds when nodes have the images", async () => {
    cluster.controllers.script = { slowNodes: { "worker-0": 20 } };
    const outs = await cluster.create({ ...(await cluster.pin(IMAGES)), wait: false, forbidLater: ["quay.io"] });
    expect(outs.behind.join()).toContain("worker: 0 of 2 nodes hold the images");
    expect(cluster.lines.join("\n")).toContain(
        "run `npm run up` again when every node has the images: it forbids the upstream of quay.io",
    );
    expect(clusterPinnedImagesProvider.compare(outs, outs)).toEqual({ changes: true });
    expect((await cluster.refresh(outs)).behind).toEqual(outs.behind);
    await cluster.controllers.settle();
    const found = await cluster.refresh(outs);
    expectFilled(found);
    expect(clusterPinnedImagesProvider.compare(found, found)).toEqual({ changes: false });
});

test("a refresh finds nodes that fail to get images; one whose daemon starts anew is none of them", async () => {
    const outs = await cluster.create(await cluster.pin(IMAGES));
    cluster.controllers.restart("worker-0");
    await cluster.controllers.pass();
    expect((await cluster.refresh(outs)).differences).toEqual([]);
    cluster.controllers.script = { failingNodes: { "worker-0": NO_SPACE } };
    await cluster.controllers.pass();
    const { differences } = await cluster.refresh(outs);
    expect(differences).toEqual([`pool worker: node worker-0 lacks pinned images: ${NO_SPACE}`]);
    expect(cluster.lines.join("\n")).toContain(NO_SPACE);
    expect(clusterPinnedImagesProvider.compare({ ...outs, differences }, outs)).toEqual({ changes: true });
});

test.each([
    "quay.io/app",
    "quay.io:5000/team_a/app.b_c-d",
    `quay.io/${"x".repeat(61)}/app`,
    "localhost:5000/app",
    "quay.io/a/b/c",
    "quay.io/team.a/app",
    `quay.io/${"x".repeat(62)}/app`,
    `quay.io/${"x".repeat(400)}`,
])("what is taken for a name that the API takes, it takes: %s", async (repository) => {
    const image = `${repository}@${computeDigest("image")}`;
    const [set] = pinnedImageSets([image], ["worker"], "passthrough-names");
    if (set === undefined) throw new Error("no set");
    const applied = await cluster.server.admin.apply(set).then(
        () => true,
        () => false,
    );
    expect(isPinnable(image)).toBe(applied);
});
