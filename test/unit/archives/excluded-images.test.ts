import { describeArchive } from "../../../lib/archives";
import { parseLock } from "../../../lib/lock";
import { serialiseLock } from "../../../lib/lock/lock";
import { computeDigest } from "../../../lib/oci/digest";
import {
    ArchiveBench,
    type LayoutImage,
    type TestImage,
    ociLayoutFiles,
    ocMirrorEntries,
    tar,
    testImage,
    testIndex,
} from "../../support/archives";

const bench = new ArchiveBench();
afterEach(() => bench.clear());

const shared = Buffer.from("a layer of both ".repeat(100));
const app = testImage("app", { layers: [shared, Buffer.from("of app")] });
const other = testImage("other", { layers: [shared, Buffer.from("of other")] });
const tool = testIndex([testImage("tool-amd64"), testImage("tool-arm64")]);

const patterns = (...all: string[]) => all.map((pattern, i) => ({ key: `site.content[0].exclude[${i}]`, pattern }));

async function lockLayout(images: readonly LayoutImage[], ...exclude: string[]) {
    const archive = await bench.openFiles(ociLayoutFiles(images));
    const { lock, notes } = await describeArchive(archive, [], { exclude: patterns(...exclude) });
    expect(parseLock(serialiseLock(lock), "x.lock.json")).toEqual(lock);
    return { lock, notes };
}

const signatureTag = ({ digest }: TestImage, suffix = ".sig") => digest.replace(":", "-") + suffix;

test("an excluded image is in no part of the lock but the list of those, and shared blobs stay", async () => {
    const images = [
        { image: app, name: "quay.io/org/app:1" },
        { image: other, name: "quay.io/org/other:1" },
        { image: tool, name: "docker.io/org/tool:2" },
    ];
    const { lock, notes } = await lockLayout(images, "quay.io/org/app", "docker.io/**");
    expect(lock.excluded).toEqual({ "docker.io/org/tool:2": "docker.io/**", "quay.io/org/app:1": "quay.io/org/app" });
    expect(lock.images).toEqual({ "quay.io/org/other:1": other.digest });
    expect(Object.keys(lock.nameSources ?? {})).toEqual(["quay.io/org/other:1"]);
    expect(Object.keys(lock.manifests)).toEqual([other.digest]);
    expect(Object.keys(lock.blobs).sort()).toEqual([...other.blobs.keys()].sort());
    expect(notes).toEqual([]);
});

test("a lock without exclusions is the text that it was before there were any", async () => {
    const { lock } = await lockLayout([{ image: app, name: "quay.io/org/app:1" }]);
    expect(serialiseLock(lock)).not.toContain("excluded");
});

test("a pattern that matches nothing is named by its key", async () => {
    const { lock, notes } = await lockLayout([{ image: app, name: "quay.io/org/app:1" }], "quay.io/org/ap:1");
    expect(lock.excluded).toBeUndefined();
    expect(notes).toEqual([expect.stringMatching(/^site\.content\[0\]\.exclude\[0\]: quay\.io\/org\/ap:1 matches no/)]);
});

test("an excluded image that an included index contains is sent with it, under no name of its own; a note says so", async () => {
    const [amd64] = tool.children;
    const images = [
        { image: tool, name: "quay.io/org/tool:2" },
        { image: amd64 ?? tool, name: "quay.io/org/tool:2-amd64" },
    ];
    const { lock, notes } = await lockLayout(images, "quay.io/org/tool:2-*");
    expect(lock.images).toEqual({ "quay.io/org/tool:2": tool.digest });
    expect(lock.manifests[tool.digest]?.manifests).toEqual(tool.children.map(({ digest }) => digest));
    expect(lock.manifests[amd64?.digest ?? ""]?.blobs).toHaveLength(2);
    expect(notes).toEqual([
        "1 excluded image is part of an image that is not excluded, and sent with it: quay.io/org/tool:2-amd64",
    ]);
});

test("signatures of an excluded image, and of what only it contains, go with it; those of others stay", async () => {
    const [amd64] = tool.children;
    const attestation = testImage("attestation of the signature");
    const signature = testImage("signature of tool");
    const images = [
        { image: app, name: "quay.io/org/app:1" },
        { image: app, name: "quay.io/org/app:latest" },
        { image: testImage("signature of app"), name: `quay.io/org/app:${signatureTag(app)}` },
        { image: tool, name: "quay.io/org/tool:2" },
        { image: signature, name: `quay.io/org/tool:${signatureTag(tool)}` },
        { image: testImage("signature of a child"), name: `quay.io/org/tool:${signatureTag(amd64 ?? tool)}` },
        { image: attestation, name: `quay.io/org/tool:${signatureTag(signature, ".att")}` },
    ];
    const { lock } = await lockLayout(images, "quay.io/org/app:latest", "quay.io/org/tool:2");
    expect(Object.keys(lock.images)).toEqual(["quay.io/org/app:1", `quay.io/org/app:${signatureTag(app)}`]);
    expect(new Set(Object.values(lock.excluded ?? {}))).toEqual(
        new Set(["quay.io/org/app:latest", "quay.io/org/tool:2"]),
    );
    expect(Object.keys(lock.excluded ?? {})).toHaveLength(5);
});

test("a referrer of an excluded image goes with it, also if it has no tag", async () => {
    const subject = { mediaType: app.mediaType, digest: app.digest, size: app.manifest.length };
    const document = { ...(JSON.parse(testImage("sbom").manifest.toString()) as object), subject };
    const sbom = testImage("sbom");
    const manifest = Buffer.from(JSON.stringify(document));
    const digest = computeDigest(manifest);
    const images = [
        { image: app, name: "quay.io/org/app:1" },
        { image: other, name: "quay.io/org/app:2" },
        { image: { ...sbom, manifest, digest } },
    ];
    const whole = await lockLayout(images);
    expect(whole.lock.images[`quay.io/org/app@${digest}`]).toBe(digest);
    const { lock } = await lockLayout(images, "quay.io/org/app:1");
    expect(lock.images).toEqual({ "quay.io/org/app:2": other.digest });
    expect(lock.excluded).toEqual({
        "quay.io/org/app:1": "quay.io/org/app:1",
        [`quay.io/org/app@${digest}`]: "quay.io/org/app:1",
    });
    // As the subject that another name still has.
    const kept = await lockLayout([...images, { image: app, name: "quay.io/org/app:3" }], "quay.io/org/app:1");
    expect(Object.keys(kept.lock.images)).toEqual([
        "quay.io/org/app:2",
        "quay.io/org/app:3",
        `quay.io/org/app@${digest}`,
    ]);
});

test("an image that is not whole can be left out, and the error says how", async () => {
    const incomplete = testImage("incomplete");
    const files = ociLayoutFiles(
        [
            { image: testImage("whole"), name: "quay.io/org/other:1" },
            { image: incomplete, name: "quay.io/org/app:1" },
        ],
        [[...incomplete.blobs.keys()][1] ?? ""],
    );
    const archive = await bench.openFiles(files);
    const error: unknown = await describeArchive(archive, []).catch((caught: unknown) => caught);
    expect(String(error)).toContain('add exclude: ["quay.io/org/app:1"] to the set in site.content');
    const { lock } = await describeArchive(archive, [], { exclude: patterns("quay.io/org/app:1") });
    expect(Object.keys(lock.images)).toEqual(["quay.io/org/other:1"]);
});

test("a pattern without effect is reported also if the archive then fails", async () => {
    const files = ociLayoutFiles([{ image: app, name: "quay.io/org/app:1" }], [[...app.blobs.keys()][1] ?? ""]);
    const notes: string[] = [];
    const options = { exclude: patterns("quay.io/org/ap"), onUnused: (note: string) => notes.push(note) };
    await expect(describeArchive(await bench.openFiles(files), [], options)).rejects.toThrow("missing");
    expect(notes).toEqual([expect.stringContaining("site.content[0].exclude[0]")]);
});

test("what is requested, but not in the archive, and images of earlier archives can be left out, too", async () => {
    const old = testImage("old");
    const spec = {
        tags: [
            { repository: "org/app", tag: "1", image: app },
            { repository: "org/old", tag: "1", image: old },
        ],
        imageSet: ["quay.io/org/app:1", "quay.io/org/old:1", "quay.io/org/absent:1"],
        history: [old.digest, ...old.blobs.keys()],
    };
    const archive = await bench.openFiles({ "mirror_000001.tar": tar(ocMirrorEntries(spec)) });
    const whole = await describeArchive(archive, []);
    expect(Object.keys(whole.lock.earlier.images)).toEqual(["quay.io/org/old:1"]);
    expect(whole.lock.absent).toEqual(["quay.io/org/absent:1"]);
    const exclude = patterns("quay.io/org/old:*", "quay.io/org/absent:1");
    const { lock } = await describeArchive(archive, [], { exclude });
    expect(lock.earlier).toEqual({ images: {}, manifests: {}, blobs: {} });
    expect(lock.absent).toEqual([]);
    expect(lock.excluded).toEqual({
        "quay.io/org/absent:1": "quay.io/org/absent:1",
        "quay.io/org/old:1": "quay.io/org/old:*",
    });
});
