import fc from "fast-check";
import {
    type WantedSet,
    isEmptyPlan,
    offlinePlanLines,
    planOffline,
    planHeadline,
    sharedImagesNote,
} from "../../../lib/import";
import { computeDigest } from "../../../lib/oci/digest";
import { MemoryImageSet } from "../../support/image-set";

const [ONE, TWO] = [computeDigest("one"), computeDigest("two")];
const set = (name: string, images: Record<string, string>, more: Partial<WantedSet> = {}) => ({
    name,
    images,
    ...more,
});
const sizes = (content: MemoryImageSet, ...digests: string[]) =>
    digests.reduce((sum, digest) => sum + (content.bytes.get(digest)?.length ?? 0), 0);

test("images come, change and go by name, whichever set had them before", () => {
    const before = { "quay.io/a/gone:1": ONE, "quay.io/a/kept:1": ONE, "quay.io/a/moved:1": ONE };
    const sets = [
        set("first", { "quay.io/a/kept:1": ONE, "quay.io/a/z:1": TWO, "quay.io/a/new:1": TWO }),
        set("second", { "quay.io/a/moved:1": TWO }),
    ];
    const plan = planOffline(sets, before);
    expect(plan.sets).toEqual([
        {
            name: "first",
            coming: [
                { image: "quay.io/a/new:1", digest: TWO },
                { image: "quay.io/a/z:1", digest: TWO },
            ],
            changing: [],
            unchanged: 1,
        },
        {
            name: "second",
            coming: [],
            changing: [{ image: "quay.io/a/moved:1", before: ONE, after: TWO }],
            unchanged: 0,
        },
    ]);
    expect(plan.going).toEqual([{ image: "quay.io/a/gone:1", digest: ONE }]);
    expect(isEmptyPlan(plan)).toBe(false);
});

test("what a set only relies on is still wanted, and comes from nowhere", () => {
    const earlier = { "quay.io/a/base:1": ONE };
    const plan = planOffline([set("later", {}, { earlier })], earlier);
    expect(plan).toEqual({
        sets: [{ name: "later", coming: [], changing: [], unchanged: 0 }],
        going: [],
        onRemove: "keep",
        totals: { coming: 0, changing: 0, unchanged: 0, shared: 0, deleting: 0 },
    });
    expect(isEmptyPlan(plan)).toBe(true);
});

test("bytes count a shared blob once in a set and once over all sets, and manifests once per repository", () => {
    const content = new MemoryImageSet();
    const shared = content.blob(Buffer.alloc(100_000, 1));
    const child = content.manifest([shared]);
    const index = content.index([child]);
    const other = content.manifest([shared]);
    const facts = content.set;
    const blobs = Object.values(facts.blobs).reduce((sum, size) => sum + size, 0);
    const one = set("one", { "quay.io/a/x:1": index, "quay.io/a/x:2": index, "quay.io/b/y:1": index }, { facts });
    const two = set("two", { "quay.io/c/z:1": other }, { facts });
    const ownBlobs = facts.manifests[child]?.blobs ?? [];
    const plan = planOffline([one, two], {});
    expect(plan.sets[0]?.bytes).toBe(sizes(content, index, index, index, child, child, ...ownBlobs));
    expect(plan.sets[1]?.bytes).toBe(sizes(content, other, ...(facts.manifests[other]?.blobs ?? [])));
    expect(plan.bytes).toBe(sizes(content, index, index, index, child, child, other) + blobs);
});

test("an image that several sets hold counts once, and is told; one that a later set has under another digest is two", () => {
    const content = new MemoryImageSet();
    content.image("quay.io/a/x:1");
    content.image("quay.io/a/y:1");
    const { images } = content;
    const moved = { "quay.io/a/x:1": TWO };
    const one = set("one", { ...images, "quay.io/a/z:1": ONE }, { facts: content.set });
    const two = set("two", { ...images, "quay.io/a/z:1": ONE }, { facts: content.set });
    const plan = planOffline([one, two, set("three", moved, { facts: content.set })], { "quay.io/a/z:1": ONE });
    expect(plan.totals).toEqual({ coming: 3, changing: 0, unchanged: 1, shared: 3, deleting: 0 });
    expect(plan.bytes).toBe(plan.sets[0]?.bytes);
    expect(planHeadline(plan)).toMatch(/^3 to add, 0 to change, 0 to remove; at most \S+ k?B$/);
    expect(sharedImagesNote(plan)).toBe("in several sets, and counted once: 3 images");
    expect(sharedImagesNote(planOffline([one], {}))).toBeUndefined();
});

test("without the facts of one set nobody can say the bytes of all", () => {
    const content = new MemoryImageSet();
    content.image("quay.io/a/x:1");
    const plan = planOffline([set("a", content.images, { facts: content.set }), set("b", {})], {});
    expect(plan.sets[0]?.bytes).toBeGreaterThan(0);
    expect(plan).not.toHaveProperty("bytes");
    expect(plan.sets[1]).not.toHaveProperty("bytes");
});

test("every image is counted exactly once, and a state that is as wanted leaves nothing to do", () => {
    const name = fc.constantFrom(..."abcdefgh").map((letter) => `quay.io/org/${letter}:1`);
    const images = fc.dictionary(name, fc.constantFrom(ONE, TWO));
    fc.assert(
        fc.property(images, images, (wanted, before) => {
            const { sets, going } = planOffline([set("s", wanted)], before);
            const [only] = sets;
            const counted = (only?.coming.length ?? 0) + (only?.changing.length ?? 0) + (only?.unchanged ?? 0);
            expect(counted).toBe(Object.keys(wanted).length);
            const kept = (only?.changing.length ?? 0) + (only?.unchanged ?? 0);
            expect(going.length + kept).toBe(Object.keys(before).length);
            expect(isEmptyPlan(planOffline([set("s", wanted)], wanted))).toBe(true);
        }),
    );
});

test("for people, fifty names of each kind are enough, and the rest is counted", () => {
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`quay.io/org/app${String(i)}:1`, ONE]));
    const blocks = offlinePlanLines(planOffline([set("s", many)], { [`quay.io/org/old@${TWO}`]: TWO }));
    expect(blocks.map(({ title }) => title)).toEqual([
        "s: 60 images to add",
        "1 image to remove from every set; it stays in the registry",
    ]);
    expect(blocks[0]?.lines).toHaveLength(51);
    expect(blocks[0]?.lines.at(-1)).toBe("… and 10 more");
    expect(blocks[1]?.lines).toEqual([`- quay.io/org/old@${TWO}`]);
    const [, leaving] = offlinePlanLines(planOffline([set("s", many)], { "quay.io/org/old:1": TWO }, "delete"));
    expect(leaving?.title).toBe(
        "1 image to remove from every set; it is deleted from the registry, unless something there still needs it",
    );
});

test("what will be deleted counts removed and replaced images, without those that a set still has in that repository", () => {
    const before = {
        "quay.io/a/gone:1": ONE,
        "quay.io/a/replaced:1": ONE,
        "quay.io/a/renamed:1": ONE,
        "quay.io/a/moved:1": ONE,
        "quay.io/a/base:1": ONE,
        [`quay.io/a/digest@${ONE}`]: ONE,
    };
    const sets = [
        set("one", { "quay.io/a/replaced:1": TWO, "quay.io/a/renamed:2": ONE }),
        set("two", { "quay.io/a/moved:1": ONE }, { earlier: { "quay.io/a/base:1": ONE } }),
    ];
    const plan = planOffline(sets, before, "delete");
    expect(plan.totals.deleting).toBe(3);
    expect(planHeadline(plan)).toBe("1 to add, 1 to change, 3 to remove; 3 images will be DELETED from the registry");
    expect(planOffline(sets, before).totals.deleting).toBe(0);
    expect(planHeadline(planOffline(sets, before))).toBe("1 to add, 1 to change, 3 to remove");
});
