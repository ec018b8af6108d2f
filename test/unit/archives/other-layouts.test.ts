import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Override } from "../../../lib/mirror/override";
import { describeArchive, openArchive } from "../../../lib/archives";
import { digestHex } from "../../../lib/oci/digest";
import {
    ArchiveBench,
    type TestImage,
    imageObjects,
    ociLayoutFiles,
    refusal,
    tar,
    testImage,
    testIndex,
} from "../../support/archives";

const app = testImage("app", { docker: true });
const index = testIndex([testImage("amd64"), testImage("arm64")], { docker: true });
const bench = new ArchiveBench();
afterEach(() => bench.clear());

/** A `dir:` layout (containers/image, directory_transport.go). */
function dir(image: TestImage): [string, Buffer][] {
    const objects = [...imageObjects(image)].filter(([digest]) => digest !== image.digest);
    const manifests = new Set(image.children.map(({ digest }) => digest));
    return [
        ["version", Buffer.from("Directory Transport Version: 1.1\n")],
        ["manifest.json", image.manifest],
        ...objects.map(([digest, bytes]): [string, Buffer] => [
            `${digestHex(digest)}${manifests.has(digest) ? ".manifest.json" : ""}`,
            bytes,
        ]),
    ];
}

const below = (folder: string, files: [string, Buffer][]) =>
    files.map(([name, bytes]): [string, Buffer] => [`${folder}/${name}`, bytes]);

const toImageMap = async (path: string | readonly string[], overrides: readonly Override[] = []) =>
    (await describeArchive(await bench.open(path), overrides)).lock.images;

describe("dir: layouts", () => {
    it("of skopeo sync --scoped have the name in their path, in a folder and in a tar", async () => {
        const files = [...below("quay.io/org/app:1", dir(app)), ...below("up.test:5000/multi:2", dir(index))];
        const names = { "quay.io/org/app:1": app.digest, "up.test:5000/multi:2": index.digest };
        expect(await toImageMap(await bench.folder(files))).toEqual(names);
        const packed = await bench.folder({ "sync.tar": tar(files.map(([name, body]) => ({ name, body }))) });
        expect(await toImageMap(join(packed, "sync.tar"))).toEqual(names);
    });

    it("without the host, or given as the folder itself, are asked for by name", async () => {
        const path = await bench.folder([...below("app:1", dir(app)), ...below("b", dir(index))]);
        const error = await refusal(toImageMap(path));
        expect(error.message).toContain(`app:1 (${app.digest}): the folder does not say which upstream it is of`);
        expect(error.fix).toContain('{match: "app:1", registry: <upstream host>, repository: "<repository there>"}');
        const places = 'registry: <upstream host>, repository: "<repository there>", tag: "<tag there>"';
        expect(error.fix).toContain(`{match: "b", ${places}}`);
        expect(error.fix).toContain("(without tag an image that has none here is known by its digest only)");
        const given = [
            { match: "app:*", registry: "quay.io", repository: "org/app" },
            { match: "b", registry: "quay.io", repository: "org/b" },
        ];
        expect(await toImageMap(path, given)).toEqual({
            "quay.io/org/app:1": app.digest,
            [`quay.io/org/b@${index.digest}`]: index.digest,
        });
        const { notes } = await describeArchive(await bench.open(path), given);
        const digestOnly = "is known by its digest only: give its override a tag if it is pulled by one";
        expect(notes).toEqual([`quay.io/org/b@${index.digest} ${digestOnly}`]);
        const scoped = await bench.folder(below("quay.io/org/app:1", dir(app)));
        expect((await refusal(toImageMap(join(scoped, "quay.io/org/app:1")))).fix).toContain(
            "the folder above the host",
        );
    });
});

describe("oc image mirror file://", () => {
    /** Blobs beside manifests, tags as links (openshift/oc, imagesource/file.go). */
    async function mirror(images: readonly { repository: string; tag?: string; image: TestImage }[]): Promise<string> {
        const path = await bench.folder({});
        for (const { repository, tag, image } of images) {
            const root = join(path, "v2", repository);
            await mkdir(join(root, "manifests"), { recursive: true });
            await mkdir(join(root, "blobs"), { recursive: true });
            const manifests = new Set([image, ...image.children].map(({ digest }) => digest));
            for (const [digest, bytes] of imageObjects(image)) {
                await writeFile(join(root, manifests.has(digest) ? "manifests" : "blobs", digest), bytes);
            }
            if (tag !== undefined) await symlink(image.digest, join(root, "manifests", tag));
        }
        return path;
    }

    it("does not keep the host: an override gives it, for tags and for what has none", async () => {
        const path = await mirror([
            { repository: "org/multi", tag: "2", image: index },
            { repository: "org/app", image: app },
        ]);
        const error = await refusal(toImageMap(path));
        expect(error.message).toContain("2 names have no single upstream");
        expect(error.fix).toContain('{match: "org/multi", registry: <upstream host>}');
        expect(await toImageMap(path, [{ match: "org/**", registry: "quay.io" }])).toEqual({
            [`quay.io/org/app@${app.digest}`]: app.digest,
            "quay.io/org/multi:2": index.digest,
        });
    });
});

describe("the paths of a set", () => {
    const layout = (image: TestImage, name: string) =>
        tar([...ociLayoutFiles([{ image, name }])].map(([entry, body]) => ({ name: entry, body })));

    it("may be patterns, and each file counts once", async () => {
        const path = await bench.folder({
            "a/one.tar": layout(app, "quay.io/org/app:1"),
            "a/b/two.tar": layout(index, "quay.io/org/multi:2"),
            "a/notes.txt": Buffer.from("x"),
        });
        expect(Object.keys(await toImageMap(join(path, "*/one.t?r")))).toEqual(["quay.io/org/app:1"]);
        expect(Object.keys(await toImageMap([join(path, "**/*.tar"), join(path, "a/one.tar")]))).toEqual([
            "quay.io/org/app:1",
            "quay.io/org/multi:2",
        ]);
        const error = await refusal(openArchive(join(path, "*.zip")));
        expect(error).toMatchObject({ code: "ARCHIVE_NOT_FOUND" });
        expect(error.message).toContain("nothing matches this pattern");
    });

    it("may hold an image twice; an override is unused only if it is so in all of them", async () => {
        const path = await bench.folder({
            "one.tar": layout(app, "quay.io/org/app:1"),
            "two.tar": layout(app, "quay.io/org/app:1"),
            "three.tar": layout(index, "2"),
        });
        const overrides = [
            { match: "2", registry: "quay.io", repository: "org/multi" },
            { match: "no", registry: "quay.io" },
        ];
        const archive = await bench.open(join(path, "*.tar"));
        const { lock, notes } = await describeArchive(archive, overrides);
        expect(lock.format).toBe("oci-layout");
        expect(lock.parts.map(({ name }) => name)).toEqual(["one.tar", "three.tar", "two.tar"]);
        expect(lock.images).toEqual({ "quay.io/org/app:1": app.digest, "quay.io/org/multi:2": index.digest });
        expect(notes).toEqual(["override no was not needed or matches nothing"]);
    });
});

test("an image that two names lead to, one of them by a link, has both", async () => {
    const path = await bench.folder(new Map(dir(app).map(([name, bytes]) => [join("quay.io/org/app:1", name), bytes])));
    await symlink("app:1", join(path, "quay.io/org/app:latest"));
    const archive = await openArchive([path]);
    const { lock } = await describeArchive(archive, []).finally(() => archive.close());
    expect(lock.images).toEqual({ "quay.io/org/app:1": app.digest, "quay.io/org/app:latest": app.digest });
});
