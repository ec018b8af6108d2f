import type { Override } from "../../../lib/mirror/override";
import { describeArchive } from "../../../lib/archives";
import { offeredOverrides } from "../../support/oc-mirror-archive";
import {
    ArchiveBench,
    type LayoutImage,
    ociLayoutFiles,
    refusal,
    tar,
    testImage,
    testIndex,
} from "../../support/archives";

const app = testImage("app");
const old = testImage("old", { docker: true });
const tool = testIndex([testImage("tool-amd64"), testIndex([testImage("tool-arm64")])]);

const bench = new ArchiveBench();
afterEach(() => bench.clear());

function asTar(files: ReadonlyMap<string, Buffer>, prefix = ""): ReadonlyMap<string, Buffer> {
    return new Map([["images.tar", tar([...files].map(([name, body]) => ({ name: `${prefix}${name}`, body })))]]);
}

async function lockedImages(
    images: readonly LayoutImage[],
    overrides: readonly Override[] = [],
): Promise<Record<string, string>> {
    const { lock } = await describeArchive(await bench.openFiles(ociLayoutFiles(images)), overrides);
    return lock.images;
}

describe("an OCI layout", () => {
    const files = ociLayoutFiles([
        { image: app, name: "quay.io/org/app:1" },
        { image: old, name: "quay.io/org/old:1" },
        { image: tool, name: "quay.io/org/tool:2" },
    ]);

    it("is the same content as a folder, as a tar, and as a tar with ./ or a folder around it", async () => {
        const folder = await describeArchive(await bench.openFiles(files), []);
        expect(folder.lock.format).toBe("oci-layout");
        expect(folder.lock.parts).toEqual([{ name: "index.json", size: files.get("index.json")?.length }]);
        expect(folder.lock.images).toEqual({
            "quay.io/org/app:1": app.digest,
            "quay.io/org/old:1": old.digest,
            "quay.io/org/tool:2": tool.digest,
        });
        expect(Object.keys(folder.lock.manifests)).toHaveLength(6);
        expect(Object.keys(folder.lock.blobs)).toHaveLength(8);
        for (const prefix of ["", "./", "images/"]) {
            const archive = await bench.openFiles(asTar(files, prefix), "images.tar");
            const { lock } = await describeArchive(archive, []);
            expect({ ...lock, parts: folder.lock.parts }).toEqual(folder.lock);
            expect(lock.parts).toEqual([{ name: "images.tar", size: asTar(files, prefix).get("images.tar")?.length }]);
        }
    });

    it("gives the bytes of its blobs and the place of each, in a folder and in a tar", async () => {
        const [layer = ""] = [...app.blobs.keys()].slice(1);
        for (const archive of [await bench.openFiles(files), await bench.openFiles(asTar(files, "./"), "images.tar")]) {
            const chunks: Buffer[] = [];
            for await (const chunk of archive.source.open(layer, 10)) chunks.push(Buffer.from(chunk as Uint8Array));
            expect(Buffer.concat(chunks).equals((app.blobs.get(layer) ?? Buffer.alloc(0)).subarray(10))).toBe(true);
            expect((await archive.source.read(app.digest)).equals(app.manifest)).toBe(true);
            const { archive: path, entry = path, offset } = archive.source.place(layer) ?? { archive: "" };
            expect(entry).toMatch(new RegExp(`blobs/sha256/${layer.slice(7)}$`));
            expect(typeof offset).toBe(path.endsWith("images.tar") ? "number" : "undefined");
        }
    });

    it("is read without its oci-layout file, with a warning, but not in an unknown version", async () => {
        const bare = new Map([...files].filter(([name]) => name !== "oci-layout"));
        expect((await bench.openFiles(bare)).warnings).toEqual([expect.stringContaining("has no oci-layout file")]);
        expect((await bench.openFiles(asTar(bare), "images.tar")).warnings).toEqual([
            expect.stringContaining("has no oci-layout file"),
        ]);
        const future = new Map([...files, ["oci-layout", Buffer.from('{"imageLayoutVersion":"2.0.0"}')] as const]);
        const error = await refusal(bench.openFiles(asTar(future), "images.tar"));
        expect(error.message).toContain("entry oci-layout, offset ");
        expect(error.message).toContain("OCI layout version 2.0.0");
    });

    it("is refused for a duplicate index.json with other content, and for a link in place of a blob", async () => {
        const entries = [...files].map(([name, body]) => ({ name, body: body as Buffer | string }));
        const twice = new Map([["a.tar", tar([...entries, { name: "index.json", body: "{}" }])]]);
        const error = await refusal(bench.openFiles(twice, "a.tar"));
        expect(error).toMatchObject({ code: "ARCHIVE_ENTRY_INVALID", entry: "index.json" });
        const link = {
            name: `blobs/sha256/${[...app.blobs.keys()][1]?.slice(7) ?? ""}`,
            type: "2",
            linkname: "/etc/passwd",
        };
        const linked = entries.map((entry) => (entry.name === link.name ? link : entry));
        const archive = await bench.openFiles(new Map([["a.tar", tar(linked)]]), "a.tar");
        expect(await refusal(describeArchive(archive, []))).toMatchObject({
            code: "ARCHIVE_ENTRY_INVALID",
            entry: link.name,
        });
        expect((await bench.openFiles(new Map([["a.tar", tar([...entries, ...entries])]]), "a.tar")).format).toBe(
            "oci-layout",
        );
    });

    it("is refused for an index.json that is not an index", async () => {
        const broken = (text: string) => new Map([...files, ["index.json", Buffer.from(text)] as const]);
        await expect(bench.openFiles(broken("{"))).rejects.toMatchObject({ code: "MANIFEST_INVALID" });
        await expect(bench.openFiles(broken('{"schemaVersion":2}'))).rejects.toMatchObject({
            code: "ARCHIVE_METADATA_INVALID",
        });
    });
});

describe("an image of an OCI layout is named", () => {
    it.each<[string, Omit<LayoutImage, "image">, string]>([
        ["by a full ref.name", { name: "quay.io/org/app:1" }, "quay.io/org/app:1"],
        [
            "by a full ref.name without a tag, by its digest",
            { name: "quay.io/org/app" },
            `quay.io/org/app@${app.digest}`,
        ],
        [
            "by a full ref.name with its digest",
            { name: `quay.io/org/app@${app.digest}` },
            `quay.io/org/app@${app.digest}`,
        ],
        ["by Docker's short form", { name: "nginx:1.27" }, "docker.io/library/nginx:1.27"],
        [
            "by containerd's image name rather than a bare tag",
            { name: "1", annotations: { "io.containerd.image.name": "registry.redhat.io/ubi9:1" } },
            "registry.redhat.io/ubi9:1",
        ],
        [
            "by where containerd pulled it from, with the tag of ref.name",
            { name: "9.4", annotations: { "containerd.io/distribution.source.quay.io": "org/app" } },
            "quay.io/org/app:9.4",
        ],
        [
            "by where containerd pulled it from, without a tag by its digest",
            { annotations: { "containerd.io/distribution.source.docker.io": "library/nginx" } },
            `docker.io/library/nginx@${app.digest}`,
        ],
        [
            "by its name before Hauler rewrote it",
            { annotations: { "hauler.dev/original-ref": "quay.io/a/b:1", "io.containerd.image.name": "reg.lab/b:1" } },
            "quay.io/a/b:1",
        ],
    ])("%s", async (_, names, key) => {
        expect(await lockedImages([{ image: app, ...names }])).toEqual({ [key]: app.digest });
    });

    it("by its image name, with a note, when it was pulled from elsewhere", async () => {
        const annotations = {
            "io.containerd.image.name": "quay.io/org/app:1",
            "containerd.io/distribution.source.docker.io": "other/app",
        };
        const { lock, notes } = await describeArchive(
            await bench.openFiles(ociLayoutFiles([{ image: app, annotations }])),
            [],
        );
        expect(Object.keys(lock.images)).toEqual(["quay.io/org/app:1"]);
        expect(notes).toEqual([expect.stringContaining("was pulled as docker.io/other/app")]);
    });

    it("by an override for its tag or its digest, which must give the repository", async () => {
        const tagged = [{ image: app, name: "v1" }];
        const override = { match: "v*", registry: "quay.io", repository: "org/app" };
        expect(await lockedImages(tagged, [override])).toEqual({ "quay.io/org/app:v1": app.digest });
        expect(await lockedImages([{ image: app }], [{ ...override, match: app.digest }])).toEqual({
            [`quay.io/org/app@${app.digest}`]: app.digest,
        });
        const error = await refusal(lockedImages(tagged, [{ match: "v1", registry: "quay.io" }]));
        expect(error.message).toContain(`v1 (${app.digest}): "v1" does not say which repository it is of`);
    });

    it("not at all if it is only a child of a named index, also a deep one", async () => {
        const child = tool.children[1]?.children[0] ?? app;
        expect(await lockedImages([{ image: child }, { image: tool, name: "quay.io/org/tool:2" }])).toEqual({
            "quay.io/org/tool:2": tool.digest,
        });
    });
});

describe("an OCI layout is refused, with all names at once,", () => {
    it("for images without a name", async () => {
        const error = await refusal(
            lockedImages([{ image: app }, { image: old, name: "latest" }, { image: tool, name: "quay.io/a/b:1" }]),
        );
        expect(error).toMatchObject({ code: "ARCHIVE_NAMES_UNRESOLVED" });
        expect(error.message).toContain(`${app.digest} (${app.digest}): it has no name`);
        expect(error.message).toContain(`latest (${old.digest})`);
        expect(error.message).toContain("2 names have no single upstream");
        expect(error.fix).toContain('{match: "latest", registry: <upstream host>, repository: "<repository there>"}');
        const places = 'registry: <upstream host>, repository: "<repository there>", tag: "<tag there>"';
        expect(error.fix).toContain(`", ${places}}`);
    });

    it("for one name with two digests", async () => {
        const error = await refusal(
            lockedImages([
                { image: app, name: "nginx:1" },
                { image: old, name: "docker.io/library/nginx:1" },
            ]),
        );
        expect(error.message).toContain(`docker.io/library/nginx:1 is also the name of ${app.digest}`);
        const filledIn = { "upstream host": "quay.io", "repository there": "org/nginx", "tag there": "1" };
        const images = [
            { image: app, name: "nginx:1" },
            { image: old, name: "docker.io/library/nginx:1" },
        ];
        expect(await lockedImages(images, offeredOverrides(error, filledIn))).toEqual({
            "docker.io/library/nginx:1": app.digest,
            "quay.io/org/nginx:1": old.digest,
        });
    });

    it("for two full names that mean different images; what it offers decides", async () => {
        const name = "quay.io/org/app:1";
        const images = [{ image: app, name, annotations: { "io.containerd.image.name": "docker.io/team/app:2" } }];
        const error = await refusal(lockedImages(images));
        expect(error.message).toContain(
            "its annotations give two names (an override needs repository too): docker.io/team/app:2, quay.io/org/app:1",
        );
        const filledIn = { "docker.io or quay.io": "quay.io", "repository there": "org/app", "tag there": "1" };
        expect(await lockedImages(images, offeredOverrides(error, filledIn))).toEqual({ [name]: app.digest });
    });

    it("not for two names of one image", async () => {
        const annotations = { "io.containerd.image.name": `quay.io/org/app:1` };
        const images = [{ image: app, name: `quay.io/org/app@${app.digest}`, annotations }];
        expect(await lockedImages(images)).toEqual({ "quay.io/org/app:1": app.digest });
    });

    it("for a name with the digest of another image", async () => {
        const error = await refusal(lockedImages([{ image: app, name: `quay.io/a/b@${old.digest}` }]));
        expect(error.message).toContain(`its name gives another digest, ${old.digest}`);
    });
});

it("entries of an OCI layout that are not images are left out with a note", async () => {
    const files = ociLayoutFiles([
        { image: app, name: "quay.io/org/app:1" },
        { image: old, annotations: { "io.containerd.manifest.subject": testImage("elsewhere").digest } },
        { image: { ...tool, mediaType: "application/x-other" } },
    ]);
    const { lock, notes } = await describeArchive(await bench.openFiles(files), []);
    expect(Object.keys(lock.images)).toEqual(["quay.io/org/app:1"]);
    expect(notes).toEqual([
        expect.stringContaining("its type is application/x-other"),
        expect.stringContaining(`${old.digest} in index.json is left out: it is about sha256:`),
    ]);
});
