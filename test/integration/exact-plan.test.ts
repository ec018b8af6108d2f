import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { type ImportEvent, type ImportProgress, executePlan, planImport, plannedImages } from "../../lib/import";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { countedRegistry } from "../support/counted-registry";
import { MemoryImageSet } from "../support/image-set";
import { problemText } from "../support/problems";

const RETRY = { seconds: 5, firstDelay: 1, longestDelay: 4 };
const counted = countedRegistry(RETRY);

/** Plans, carries out, and holds what was said against what went over the line. */
async function bring(content: MemoryImageSet, suspects: string[] = []) {
    const base = parseMirrorBase(`${counted.proxy.host}/mirror`);
    const request = { images: content.images, set: content.set, base, suspects: new Set(suspects) };
    const plan = await planImport(counted.client, request);
    counted.proxy.forget();
    const events: ImportEvent[] = [];
    const result = await executePlan(counted.client, content, plan, { onEvent: (event) => events.push(event) });
    return { plan, result, events, states: plannedImages(plan).map(({ source, state }) => `${source} ${state}`) };
}

/**
 * Payload that went over the line, but for the one small blob that finds out whether the registry takes its bytes with the
 * POST: this one leaves them, and gets them again.
 */
function sentBytes(): number {
    const left = counted.proxy.requests.filter(
        ({ method, status, bytes }) => method === "POST" && status === 202 && bytes > 0,
    );
    expect(left.length).toBeLessThanOrEqual(1);
    return counted.proxy.bytes - left.reduce((sum, { bytes }) => sum + bytes, 0);
}

async function bringExactly(content: MemoryImageSet, suspects?: string[]) {
    const run = await bring(content, suspects);
    const { bytes, uploads, mounts } = run.plan;
    expect(run.result.failed).toEqual([]);
    expect(sentBytes()).toBe(bytes);
    expect(run.result.sent).toEqual({ bytes, uploads, mounts });
    expect(run.result.planned).toEqual({ bytes, uploads, mounts });
    const images = plannedImages(run.plan);
    expect(images.reduce((sum, image) => sum + image.bytes, 0)).toBe(bytes);
    expect(images.reduce((sum, image) => sum + image.uploads, 0)).toBe(uploads);
    expect(images.reduce((sum, image) => sum + image.mounts, 0)).toBe(mounts);
    return run;
}

test("fresh, with blobs and children that repositories share; then there is nothing to do", async () => {
    const content = new MemoryImageSet();
    const shared = content.blob(randomBytes(300_000));
    const child = content.manifest([shared, content.blob(randomBytes(70_000))]);
    content.image("quay.io/org/multi:1", content.index([child, content.manifest([shared])]));
    content.image("quay.io/org/multi:2", content.index([child, content.manifest()]));
    content.image(`quay.io/org/multi@${child}`, child);
    content.image("registry.redhat.io/other/app:1", content.manifest([shared]));
    const { plan } = await bringExactly(content);
    expect(plan).toMatchObject({ mounts: 1 });
    const again = await bringExactly(content);
    expect(again.plan.bytes).toBe(0);
    expect(new Set(again.states.map((state) => state.split(" ")[1]))).toEqual(new Set(["present"]));
});

test("half present: a tag that moved, a manifest that is gone, a blob that is gone", async () => {
    const content = new MemoryImageSet();
    const layer = content.blob(randomBytes(90_000));
    content.image("quay.io/org/app:1", content.manifest([layer]));
    content.image("quay.io/org/app:2");
    const gone = content.image("quay.io/org/gone:1", content.index([content.manifest()]));
    await bringExactly(content);
    const moved = await counted.client.manifestGet("mirror/quay.io/org/app", "1");
    if (moved !== undefined) await counted.client.manifestPut("mirror/quay.io/org/app", "2", moved);
    await fetch(`http://${counted.registry.host}/v2/mirror/quay.io/org/gone/manifests/${gone}`, { method: "DELETE" });
    const { plan, states } = await bringExactly(content);
    expect(states).toEqual(["quay.io/org/app:1 present", "quay.io/org/app:2 tag-only", "quay.io/org/gone:1 push"]);
    expect(plan.uploads).toBe(0);
    rmSync(counted.registry.storage("blobs", "sha256", layer.slice(7, 9), layer.slice(7)), { recursive: true });
    const healed = await bringExactly(content, ["quay.io/org/app:1"]);
    expect(healed.plan).toMatchObject({ uploads: 1, mounts: 0 });
    expect(healed.plan.bytes).toBe(90_000 + (healed.plan.push[0]?.root.size ?? NaN));
});

test("a tag that upstream moved to what an earlier archive brought is put, and nothing else is sent", async () => {
    const first = new MemoryImageSet();
    const [old, renewed] = [1, 2].map(() => first.manifest([first.blob(randomBytes(5000))]));
    first.image("quay.io/org/app:1", old ?? "");
    first.image("quay.io/org/app:2", renewed ?? "");
    await bringExactly(first);
    const second = new MemoryImageSet();
    second.earlier.images = { "quay.io/org/app:1": renewed ?? "" };
    second.images["quay.io/org/app:1"] = renewed ?? "";
    const { plan, states } = await bringExactly(second);
    expect(states).toEqual(["quay.io/org/app:1 tag-only"]);
    expect(plan.push[0]).toMatchObject({ movedFrom: old, blobs: [] });
    expect((await bringExactly(second)).states).toEqual(["quay.io/org/app:1 present"]);
});

test("an index whose child an earlier archive brought to another repository: copied with its blobs mounted", async () => {
    const first = new MemoryImageSet();
    const child = first.manifest([first.blob(randomBytes(50_000))]);
    first.image("quay.io/org/base:1", child);
    await bringExactly(first);
    const second = new MemoryImageSet();
    for (const [digest, bytes] of first.bytes) second.bytes.set(digest, bytes);
    const index = second.index([child, second.manifest()]);
    for (const digest of first.bytes.keys()) second.bytes.delete(digest);
    second.image("quay.io/org/next:1", index);
    const size = first.bytes.get(child)?.length ?? 0;
    second.earlier.manifests = { [child]: { size, from: ["quay.io/org/base"] } };
    const { plan } = await bringExactly(second);
    expect(plan.mounts).toBe(2);
});

test("what cannot be done is planned as such, and the others are exact", async () => {
    const content = new MemoryImageSet();
    const lost = content.blob();
    content.image("quay.io/org/lost:1", content.manifest([lost]));
    content.leaveOut(lost);
    content.earlier.blobs = { [lost]: { size: 2000, from: [] } };
    content.image("quay.io/org/kept:1");
    const { plan, result, events } = await bring(content);
    expect(sentBytes()).toBe(plan.bytes);
    expect(plannedImages(plan)).toEqual([
        expect.objectContaining({ source: "quay.io/org/kept:1", state: "push", mirror: "mirror/quay.io/org/kept:1" }),
        expect.objectContaining({ source: "quay.io/org/lost:1", state: "blocked" }),
    ]);
    expect(problemText(result.failed[0])).toContain("import the earlier archive first");
    expect(events[0]).toMatchObject({ event: "planned", present: 0, push: 1, tagOnly: 0, cannot: 1 });
    expect(events.at(-1)).toMatchObject({ event: "finished", done: 1, failed: 1 });
});

test("a registry that does not mount gets the bytes, and the plan's deviation is named", async () => {
    const content = new MemoryImageSet();
    const shared = content.blob(randomBytes(200_000));
    content.image("quay.io/one/app:1", content.manifest([shared]));
    content.image("quay.io/two/app:1", content.manifest([shared]));
    counted.proxy.detour = ({ path }) => (path.includes("?mount=") ? { path: path.replace(/\?.*$/, "") } : undefined);
    const { plan, result, events } = await bring(content);
    expect(result.failed).toEqual([]);
    expect(sentBytes()).toBe(plan.bytes + 200_000);
    expect(result.sent).toEqual({ bytes: plan.bytes + 200_000, uploads: 4, mounts: 0 });
    expect(result.planned).toEqual({ bytes: plan.bytes, uploads: 3, mounts: 1 });
    const [one, two] = [plan.push[0]?.task.repository ?? "", plan.push[1]?.task.repository ?? ""];
    expect(result.refusedMounts).toEqual([{ repository: two, digest: shared, size: 200_000, from: one }]);
    expect(events.filter((event) => event.event === "blob" && event.mountRefused)).toHaveLength(1);
    expect(events.at(-2)).toMatchObject({ event: "progress", images: 2, bytes: sentBytes(), ofBytes: sentBytes() });
});

test("progress never goes back over broken transfers, and what was sent twice is told apart", async () => {
    const content = new MemoryImageSet();
    for (let i = 1; i < 4; i++)
        content.image(`quay.io/org/app${i}:1`, content.manifest([content.blob(randomBytes(1_000_000))]));
    let cuts = 0;
    counted.proxy.detour = ({ method, path }) =>
        method === "PUT" && path.includes("/uploads/") && cuts++ < 3 ? { resetAfter: 1 } : undefined;
    const base = parseMirrorBase(`${counted.proxy.host}/mirror`);
    const plan = await planImport(counted.client, { images: content.images, set: content.set, base });
    const told: ImportProgress[] = [];
    const events: ImportEvent[] = [];
    const result = await executePlan(counted.client, content, plan, {
        onProgress: (progress) => told.push(progress),
        onEvent: (event) => events.push(event),
    });
    expect(result.failed).toEqual([]);
    expect(result.sent).toEqual(result.planned);
    for (const count of ["bytes", "images", "ofBytes", "ofImages"] as const) {
        const counts = told.map((progress) => progress[count]);
        expect(counts).toEqual([...counts].sort((a, b) => a - b));
    }
    expect(new Set(told.map(({ images }) => images))).toEqual(new Set([0, 1, 2, 3]));
    expect(told.at(-1)).toMatchObject({ images: 3, ofImages: 3, bytes: plan.bytes, ofBytes: plan.bytes });
    expect(events.filter(({ event }) => event === "wait").length).toBe(3);
});

test("one blob that never gets through costs its image, not the run", async () => {
    const content = new MemoryImageSet();
    const cursed = content.blob(randomBytes(500_000));
    content.image("quay.io/org/cursed:1", content.manifest([cursed]));
    for (let i = 0; i < 20; i++) content.image(`quay.io/org/app${i}:1`);
    counted.proxy.detour = ({ method, path }) =>
        method === "PUT" && path.includes(encodeURIComponent(cursed)) ? { resetAfter: 1 } : undefined;
    const impatient = counted.connect({ retry: { ...RETRY, seconds: 0.5 } });
    const base = parseMirrorBase(`${counted.proxy.host}/mirror`);
    const plan = await planImport(impatient, { images: content.images, set: content.set, base });
    const { done, failed } = await executePlan(impatient, content, plan, { concurrency: 1 });
    expect(failed.map(({ source }) => source)).toEqual(["quay.io/org/cursed:1"]);
    expect(Object.keys(done)).toHaveLength(20);
});
