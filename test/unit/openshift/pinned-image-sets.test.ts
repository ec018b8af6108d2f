import { computeDigest } from "../../../lib/oci/digest";
import {
    expectedPins,
    hasPinnedImages,
    isPinnable,
    parseClusterVersion,
    pinnedImageSets,
} from "../../../lib/openshift";

const image = (at: number): string => `quay.io/org/app-${at}@${computeDigest(`image ${at}`)}`;
const images = (count: number): string[] => Array.from({ length: count }, (_, at) => image(at));

test("a set for each pool, with the label that pools select it by, and sorted names", () => {
    const [first, second] = [image(1), image(2)].sort();
    expect(pinnedImageSets([image(1), image(2)], ["master", "worker"], "passthrough-lab")).toEqual(
        ["master", "worker"].map((pool) => ({
            apiVersion: "machineconfiguration.openshift.io/v1",
            kind: "PinnedImageSet",
            metadata: {
                name: `passthrough-lab-${pool}-1`,
                labels: { "machineconfiguration.openshift.io/role": pool },
            },
            spec: { pinnedImages: [{ name: first }, { name: second }] },
        })),
    );
    expect(pinnedImageSets([], ["worker"], "passthrough-lab")).toEqual([]);
});

test.each([500, 501, 1000])("%i images: no set has more than 500, and each image is in one", (count) => {
    const sets = pinnedImageSets(images(count), ["worker"], "p");
    const names = sets.flatMap(({ spec }) => spec.pinnedImages.map(({ name }) => name));
    expect(Math.max(...sets.map(({ spec }) => spec.pinnedImages.length))).toBeLessThanOrEqual(500);
    expect(names.sort()).toEqual(images(count).sort());
});

test("an image more or less changes one set of a pool", () => {
    const before = expectedPins(pinnedImageSets(images(700), ["worker"], "p"));
    for (const changed of [images(701), images(700).slice(1)]) {
        const after = expectedPins(pinnedImageSets(changed, ["worker"], "p"));
        expect(after.map(({ name }) => name)).toEqual(before.map(({ name }) => name));
        expect(after.filter((set, at) => set.images !== before[at]?.images)).toHaveLength(1);
    }
});

test("what a set pins tells it from others, in any order", () => {
    const digest = (...all: string[]) => expectedPins(pinnedImageSets(all, ["worker"], "p"))[0]?.images;
    expect(digest(image(1), image(2))).toBe(digest(image(2), image(1)));
    expect(digest(image(1))).not.toBe(digest(image(2)));
});

test.each(["quay.io/app:1.0", "quay.io/app", `quay.io/app@sha512:${"a".repeat(128)}`])(
    "%s has no digest to pin",
    (name) => expect(isPinnable(name)).toBe(false),
);

test.each([
    [undefined, true],
    ["4.20", true],
    ["4.19.12", true],
    ["4.19.11", false],
    ["4.19", false],
    ["4.18.30", false],
    ["5.0", true],
])("version %s: %s", (version, expected) => {
    expect(hasPinnedImages(version === undefined ? undefined : parseClusterVersion(version))).toBe(expected);
});
