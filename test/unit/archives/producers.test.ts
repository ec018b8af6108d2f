import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Override } from "../../../lib/mirror/override";
import { describeArchive, verifyStructure } from "../../../lib/archives";
import { ArchiveBench, refusal } from "../../support/archives";

const FIXTURES = join(__dirname, "../../fixtures/archives");
/** What the registry had that the tools copied from. */
const UPSTREAM = Object.fromEntries(
    readFileSync(join(FIXTURES, "digests.txt"), "utf8")
        .trim()
        .split("\n")
        .map((line) => line.split(" ") as [string, string]),
) as Record<"app" | "v2s2" | "multi", string>;

const bench = new ArchiveBench();
afterEach(() => bench.clear());

async function describeLock(path: string | readonly string[], overrides: readonly Override[] = []) {
    const paths = (typeof path === "string" ? [path] : path).map((name) => join(FIXTURES, name));
    const archive = await bench.open(paths);
    const { lock } = await describeArchive(archive, overrides);
    expect(await verifyStructure(archive, lock)).toEqual([]);
    return lock;
}

const override = (match: string, repository = "fixture/app", tag?: string): Override => ({
    match,
    registry: "quay.io",
    repository,
    ...(tag === undefined ? {} : { tag }),
});

describe("what the tools themselves wrote keeps its upstream digest:", () => {
    it.each<[string, string, string, string, readonly Override[]]>([
        ["skopeo oci-archive:", "skopeo/oci-archive.tar", "quay.io/fixture/app:1", UPSTREAM.app, []],
        [
            "skopeo oci-archive: with a Docker manifest",
            "skopeo/v2s2-in-oci.tar",
            "quay.io/fixture/v2s2:1",
            UPSTREAM.v2s2,
            [],
        ],
        ["skopeo oci-archive: with an index", "skopeo/index.tar", "quay.io/fixture/multi:1", UPSTREAM.multi, []],
        [
            "skopeo dir:",
            "skopeo/dir",
            "quay.io/fixture/multi:1",
            UPSTREAM.multi,
            [override("dir", "fixture/multi", "1")],
        ],
        ["crane pull --format=oci", "crane/layout", "127.0.0.1:5055/fixture/multi:1", UPSTREAM.multi, []],
        ["regctl image export", "regctl/export.tar", "127.0.0.1:5055/fixture/multi:1", UPSTREAM.multi, []],
        [
            "regctl image copy ocidir://",
            "regctl/ocidir",
            "quay.io/fixture/multi:1",
            UPSTREAM.multi,
            [override("1", "fixture/multi")],
        ],
    ])("%s", async (_, path, key, digest, overrides) => {
        const lock = await describeLock(path, overrides);
        expect(lock.images).toEqual({ [key]: digest });
        expect(lock).not.toHaveProperty("marks");
    });

    it.each([
        ["ctr images export, which repeats name and digest in manifest.json", "containerd/by-digest.tar"],
        ["hauler store save, which makes a tag of the digest there", "hauler/by-digest.tar.zst"],
    ])("%s: one image by its digest, and no second one that is made for the other name", async (_, path) => {
        const lock = await describeLock(path);
        const digest = "sha256:0fccf922442889c112f477fefd04a495d6f910241a6fd361de249d78b417fe04";
        expect(lock.images).toEqual({ [`ghcr.io/org/tool@${digest}`]: digest });
        expect(lock).not.toHaveProperty("marks");
    });

    it("skopeo sync --scoped, many folders as one set, named by their path", async () => {
        const lock = await describeLock("skopeo/sync");
        expect(lock.format).toBe("dir");
        expect(lock.images).toEqual({ "quay.io/fixture/app:1": UPSTREAM.app, "quay.io/fixture/v2s2:1": UPSTREAM.v2s2 });
        expect(lock.parts.map(({ name }) => name)).toEqual([
            "quay.io/fixture/app:1/manifest.json",
            "quay.io/fixture/v2s2:1/manifest.json",
        ]);
    });

    it("not umoci, which makes images of its own: named by override", async () => {
        const lock = await describeLock("umoci/layout.tar", [override("1"), override("labelled")]);
        expect(lock.images).toMatchObject({ "quay.io/fixture/app:1": UPSTREAM.app });
        expect(Object.keys(lock.images)).toEqual(["quay.io/fixture/app:1", "quay.io/fixture/app:labelled"]);
    });
});

describe("what lost its upstream digest is marked, and its manifest is made, the same by every tool that keeps the layers:", () => {
    it.each<[string, string, Record<string, string>]>([
        ["skopeo docker-archive:", "skopeo/docker-archive.tar", { "quay.io/fixture/app:1": "tag-only" }],
        [
            "podman save -m",
            "podman/docker-archive.tar",
            { "quay.io/fixture/app:1": "tag-only", "quay.io/fixture/v2s2:1": "tag-only" },
        ],
        ["crane pull", "crane/tarball.tar", { "127.0.0.1:5055/fixture/app:1": "tag-only" }],
    ])("%s", async (_, path, marks) => {
        const lock = await describeLock(path);
        expect(lock.format).toBe("docker-archive");
        expect(lock.marks).toEqual(marks);
        expect(Object.keys(lock.images)).toEqual(Object.keys(marks));
    });

    it("skopeo and podman unpack the layers alike", async () => {
        const [skopeo, podman] = [
            await describeLock("skopeo/docker-archive.tar"),
            await describeLock("podman/docker-archive.tar"),
        ];
        expect(podman.images["quay.io/fixture/app:1"]).toBe(skopeo.images["quay.io/fixture/app:1"]);
        expect(skopeo.images["quay.io/fixture/app:1"]).not.toBe(UPSTREAM.app);
    });

    it("crane keeps the layers as they are, but not their manifest", async () => {
        const lock = await describeLock("crane/tarball.tar");
        const original = await describeLock("skopeo/oci-archive.tar");
        expect(lock.blobs).toEqual(original.blobs);
    });

    it("crane pull by digest has no tag, so an override must give one", async () => {
        const error = await refusal(describeLock("crane/by-digest.tar"));
        expect(error.message).toContain("it was pulled by digest and has no tag");
        expect(error.message).toContain("an override needs repository and tag too");
        const match = "127.0.0.1:5055/fixture/app:i-was-a-digest";
        const lock = await describeLock("crane/by-digest.tar", [override(match, "fixture/app", "1")]);
        expect(lock.marks).toEqual({ "quay.io/fixture/app:1": "tag-only" });
    });
});

test("podman save --format oci-archive compresses anew: the digest is another one, and nothing in the archive tells", async () => {
    const lock = await describeLock("podman/oci-archive.tar");
    expect(Object.keys(lock.images)).toEqual(["quay.io/fixture/app:1"]);
    expect(lock.images["quay.io/fixture/app:1"]).not.toBe(UPSTREAM.app);
});

test("archives of several formats are one set: the same image is one image, and where one kept the digest it is kept", async () => {
    const lock = await describeLock(["skopeo/oci-archive.tar", "skopeo/sync", "skopeo/index.tar"]);
    expect(lock.format).toBe("mixed");
    expect(lock.images).toEqual({
        "quay.io/fixture/app:1": UPSTREAM.app,
        "quay.io/fixture/multi:1": UPSTREAM.multi,
        "quay.io/fixture/v2s2:1": UPSTREAM.v2s2,
    });
    const conflict = await refusal(describeLock(["skopeo/oci-archive.tar", "skopeo/docker-archive.tar"]));
    expect(conflict.code).toBe("ARCHIVE_NAMES_UNRESOLVED");
    expect(conflict.message).toMatch(
        /quay\.io\/fixture\/app:1 .*in \S+docker-archive\.tar, but in \S+oci-archive\.tar the same name is/,
    );
});
