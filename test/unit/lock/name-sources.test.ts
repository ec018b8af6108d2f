import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
    type Lock,
    compareNameSources,
    findLockedImages,
    lockDigest,
    parseLock,
    withFormerFormat,
} from "../../../lib/lock";
import { serialiseLock } from "../../../lib/lock/lock";
import { PassthroughError } from "../../../lib/errors/errors";
import { computeDigest } from "../../../lib/oci/digest";

const golden = join(__dirname, "../../fixtures/locks/with-mapping.lock.json");
const [a, b, d] = ["a", "b", "d"].map((seed) => computeDigest(seed)) as [string, string, string];

const before: Lock = {
    lockVersion: 1,
    format: "docker-archive",
    parts: [{ name: "a.tar", size: 10 }],
    images: { "quay.io/org/app:1": a, [`docker.io/library/nginx@${a}`]: a, "docker.io/library/nginx:1.27": a },
    marks: { "quay.io/org/app:1": "tag-only" },
    manifests: { [a]: { size: 5, mediaType: "application/vnd.oci.image.manifest.v1+json", blobs: [b] } },
    blobs: { [b]: 7 },
    earlier: { images: { "quay.io/org/old:1": d }, manifests: {}, blobs: {} },
    absent: [],
};
const nameSources: NonNullable<Lock["nameSources"]> = {
    "quay.io/org/app:1": { from: "override", where: "org/**", name: "org/app:1" },
    "quay.io/org/old:1": { from: "mapping", where: "working-dir/dry-run/mapping.txt", name: "org/old:1" },
    "docker.io/library/nginx:1.27": { from: "repo-tags", name: "nginx:1.27" },
};
const after: Lock = { ...before, nameSources };

const reasons = (text: string): string => {
    try {
        parseLock(text, "x");
    } catch (error) {
        if (error instanceof PassthroughError) return error.message;
    }
    return "accepted";
};

describe("where names come from is in the lock file,", () => {
    it("one line for each image, and is read back", () => {
        const text = serialiseLock(after);
        expect(text).toContain(
            '    "quay.io/org/app:1": {"from":"override","where":"org/**","name":"org/app:1"},\n    "quay.io/org/old:1": {"from":"mapping",',
        );
        expect(parseLock(text, "x")).toEqual(after);
        expect(serialiseLock(parseLock(text, "x"))).toBe(text);
    });

    it("but not in its digest: a stack sees no change when an old lock gets it", async () => {
        expect(lockDigest(after)).toBe(lockDigest(before));
        const text = await readFile(golden, "utf8");
        const old = parseLock(text, golden);
        const [image = ""] = Object.keys(old.images);
        const renewed: Lock = { ...old, nameSources: { [image]: { from: "folder", name: "x" } } };
        expect(lockDigest(renewed)).toBe(lockDigest(old));
        expect(serialiseLock(renewed)).not.toBe(text);
    });

    it.each<[string, object]>([
        ["an image that the lock lacks", { "quay.io/no/image:1": { from: "folder", name: "x" } }],
        ["an unknown origin", { "quay.io/org/app:1": { from: "guess", name: "x" } }],
        ["an unknown field", { "quay.io/org/app:1": { from: "folder", name: "x", why: "" } }],
        ["no name", { "quay.io/org/app:1": { from: "folder" } }],
        ["a number as its place", { "quay.io/org/app:1": { from: "folder", name: "x", where: 1 } }],
    ])("and is refused with %s", (_, sources) => {
        expect(reasons(JSON.stringify({ ...before, nameSources: sources }))).toMatch(/not a lock: .*/);
    });
});

describe("a lock held against one of an earlier release", () => {
    it("has nothing to compare where the older one does not record where names come from", () => {
        expect(compareNameSources(before, after)).toBeUndefined();
        expect(compareNameSources(after, after)).toEqual([]);
        expect(compareNameSources(before, before)).toEqual([]);
    });

    it("names every image whose name comes from elsewhere", () => {
        const moved: Lock = {
            ...after,
            nameSources: {
                ...nameSources,
                "quay.io/org/app:1": { from: "annotation", where: "key", name: "org/app:1" },
            },
        };
        expect(compareNameSources(after, moved)).toEqual([
            "quay.io/org/app:1: its name comes from annotation key; the archive calls it org/app:1; " +
                "the lock says override org/**; the archive calls it org/app:1",
        ]);
    });

    it("keeps the older name of the format where nothing else differs", () => {
        const hauler: Lock = { ...after, format: "hauler" };
        expect(withFormerFormat(before, hauler).format).toBe("docker-archive");
        expect(withFormerFormat({ ...before, absent: ["quay.io/x/y:1"] }, hauler).format).toBe("hauler");
        expect(withFormerFormat({ ...before, format: "dir" }, hauler).format).toBe("hauler");
        expect(withFormerFormat(undefined, hauler).format).toBe("hauler");
    });
});

test("an image is found by any spelling of its name, by its repository, and by its digest", () => {
    const names = (text: string) => findLockedImages(after, text).map(({ image }) => image);
    expect(names("nginx:1.27")).toEqual(["docker.io/library/nginx:1.27"]);
    expect(names("docker.io/library/nginx")).toEqual(["docker.io/library/nginx:1.27", `docker.io/library/nginx@${a}`]);
    expect(names(`nginx@${a}`)).toEqual(["docker.io/library/nginx:1.27", `docker.io/library/nginx@${a}`]);
    expect(names(a)).toHaveLength(3);
    expect(names("quay.io/org/app:2")).toEqual([]);
    expect(findLockedImages(after, "quay.io/org/old:1")).toEqual([
        { image: "quay.io/org/old:1", digest: d, nameSource: nameSources["quay.io/org/old:1"], isEarlier: true },
    ]);
    expect(findLockedImages(before, "quay.io/org/app:1")).toEqual([
        { image: "quay.io/org/app:1", digest: a, mark: "tag-only", isEarlier: false },
    ]);
});
