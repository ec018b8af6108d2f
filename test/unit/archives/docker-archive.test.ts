import { gzipSync } from "node:zlib";
import type { Override } from "../../../lib/mirror/override";
import { describeArchive, verifyStructure } from "../../../lib/archives";
import { computeDigest, digestHex } from "../../../lib/oci/digest";
import { ArchiveBench, type TarSpec, ociLayoutFiles, refusal, tar, testImage, testIndex } from "../../support/archives";
import { docker24, docker25, dockerImage, expectedDigest } from "../../support/docker-archives";

const bench = new ArchiveBench();
afterEach(() => bench.clear());

const app = dockerImage("base", "app");
const tool = dockerImage("base", "tool");

async function described(entries: readonly (TarSpec | Buffer)[], overrides: readonly Override[] = []) {
    const archive = await bench.openFiles({ "save.tar": tar(entries) }, "save.tar");
    const { lock, notes } = await describeArchive(archive, overrides);
    expect(await verifyStructure(archive, lock)).toEqual([]);
    return { archive, lock, notes };
}

const manifestEntry = (items: readonly object[]): TarSpec => ({ name: "manifest.json", body: JSON.stringify(items) });

describe("docker save up to 24", () => {
    it("gives each image a manifest of its own making, and follows links to layers that are there once", async () => {
        const { lock, archive, notes } = await described(
            docker24([
                { image: app, tags: ["alpine:3", "quay.io/org/app:1"] },
                { image: tool, tags: ["org/tool:2"] },
            ]),
        );
        expect(lock.format).toBe("docker-archive");
        expect(lock.images).toEqual({
            "docker.io/library/alpine:3": expectedDigest(app),
            "docker.io/org/tool:2": expectedDigest(tool),
            "quay.io/org/app:1": expectedDigest(app),
        });
        expect(new Set(Object.values(lock.marks ?? {}))).toEqual(new Set(["tag-only"]));
        expect(notes.at(-1)).toMatch(/^3 images are known by tag only: .*docker\.io\/library\/alpine:3, /);
        // The manifest is in no file, and is read like any other.
        const bytes = await archive.source.read(expectedDigest(app));
        expect(computeDigest(bytes)).toBe(expectedDigest(app));
        expect(lock.manifests[expectedDigest(app)]).toMatchObject({ size: bytes.length });
        expect(archive.source.place(expectedDigest(app))).toMatchObject({ entry: "manifest.json" });
        const streamed: Buffer[] = [];
        for await (const chunk of archive.source.open(computeDigest(tool.layers[0] ?? "")))
            streamed.push(chunk as Buffer);
        expect(computeDigest(Buffer.concat(streamed))).toBe(computeDigest(app.layers[0] ?? ""));
    });

    it("asks for the name of an image that has none, with its tag", async () => {
        const entries = docker24([{ image: app, tags: null }]);
        const error = await refusal(described(entries));
        expect(error.message).toContain(`${computeDigest(app.config)} (${expectedDigest(app)}): it has no name`);
        const match = computeDigest(app.config);
        const { lock } = await described(entries, [{ match, registry: "quay.io", repository: "org/app", tag: "1" }]);
        expect(lock.images).toEqual({ "quay.io/org/app:1": expectedDigest(app) });
    });

    it.each<[string, TarSpec[], string]>([
        [
            "a circle",
            [
                { name: "a", type: "2", linkname: "b" },
                { name: "b", type: "2", linkname: "a" },
            ],
            "a circle",
        ],
        [
            "a hard link to what is not there",
            [{ name: "a", type: "1", linkname: "c" }],
            "c, which the tar does not hold",
        ],
        ["a link out of the tar", [{ name: "a", type: "2", linkname: "../../etc/passwd" }], "outside of the tar"],
        ["an absolute link", [{ name: "a", type: "2", linkname: "/etc/passwd" }], "outside of the tar"],
    ])("is refused for %s in place of a layer", async (_, links, what) => {
        const one = dockerImage("base");
        const items = manifestEntry([{ Config: "config.json", RepoTags: ["a:1"], Layers: ["a"] }]);
        const error = await refusal(described([...links, { name: "config.json", body: one.config }, items]));
        expect(error).toMatchObject({ code: "ARCHIVE_ENTRY_INVALID", entry: "a" });
        expect(error.message).toContain(what);
    });

    it.each<[string, object, string, string]>([
        ["too few layers", { Layers: ["l0"] }, "it has 1 layers, its config says 2", "ARCHIVE_METADATA_INVALID"],
        [
            "one file for two layers",
            { Layers: ["l0", "l0"] },
            "its layer l0 stands for sha256:",
            "ARCHIVE_METADATA_INVALID",
        ],
        ["a layer that is not there", { Layers: ["l0", "l9"] }, "its layer l9 is missing", "ARCHIVE_INCOMPLETE"],
        [
            "a config that is not there",
            { Config: "none.json" },
            "its config none.json is missing",
            "ARCHIVE_INCOMPLETE",
        ],
        ["a config that is none", { Config: "l0" }, "its config l0 is none", "ARCHIVE_METADATA_INVALID"],
        ["no config", { Config: undefined }, "not a list of images", "ARCHIVE_METADATA_INVALID"],
    ])("is refused for %s", async (_, change, what, code) => {
        const item = { Config: "c.json", RepoTags: ["quay.io/a/b:1"], Layers: ["l0", "l1"], ...change };
        const layers = app.layers.map((body, i) => ({ name: `l${i}`, body }));
        const error = await refusal(
            described([...layers, { name: "c.json", body: app.config }, manifestEntry([item])]),
        );
        expect(error).toMatchObject({ code });
        expect(error.message).toContain(what);
    });
});

describe("compressed layers, as crane writes them,", () => {
    const packed = app.layers.map((layer) => gzipSync(layer));
    const makeEntries = (
        layers: readonly Buffer[],
        nameOf = (i: number) => `${digestHex(computeDigest(packed[i] ?? ""))}.tar.gz`,
    ) => [
        ...layers.map((body, i) => ({ name: nameOf(i), body })),
        { name: `sha256:${digestHex(computeDigest(app.config))}`, body: app.config },
        manifestEntry([
            {
                Config: `sha256:${digestHex(computeDigest(app.config))}`,
                RepoTags: ["quay.io/org/app:1"],
                Layers: layers.map((__, i) => nameOf(i)),
            },
        ]),
    ];

    it("stay as they are; their digests are what their names say, or what is read", async () => {
        for (const entries of [makeEntries(packed), makeEntries(packed, (i) => `layer-${i}.tgz`)]) {
            const { lock } = await described(entries);
            expect(lock.images).toEqual({ "quay.io/org/app:1": expectedDigest(app, true) });
        }
    });

    it("are read before a lock is written: a name proves nothing, nor does what a config promises", async () => {
        const swapped = [gzipSync(Buffer.from("other")), packed[1] ?? Buffer.alloc(0)];
        expect(await refusal(described(makeEntries(swapped)))).toMatchObject({ code: "ARCHIVE_DIGEST_MISMATCH" });
        const honest = (i: number) => `${digestHex(computeDigest(swapped[i] ?? ""))}.tar.gz`;
        const error = await refusal(described(makeEntries(swapped, honest)));
        expect(error.message).toContain(`the image's config says ${computeDigest(app.layers[0] ?? "")}`);
        const cut = [(packed[0] ?? Buffer.alloc(0)).subarray(0, -12), packed[1] ?? Buffer.alloc(0)];
        expect((await refusal(described(makeEntries(cut, (i) => `${i}.gz`)))).message).toContain("cannot be unpacked");
    });
});

describe("docker save from 25", () => {
    const tag = "docker.io/library/app:1";

    it("with a classic store has a made-up manifest: the one made here counts, the same as of older versions", async () => {
        const { lock } = await described(docker25(app, tag));
        expect(lock.images).toEqual({ [tag]: expectedDigest(app) });
        expect(lock.marks).toEqual({ [tag]: "tag-only" });
    });

    it("25.0.0 forgot layers, or wrote them in a wrong order: manifest.json has them", async () => {
        for (const change of [() => [], (layers: readonly Buffer[]) => [...layers].reverse()]) {
            expect((await described(docker25(app, tag, change))).lock.images).toEqual({ [tag]: expectedDigest(app) });
        }
    });

    it("takes what only one of its two lists has", async () => {
        const both = [...docker25(app, tag)];
        const items = JSON.parse(String(both.find(({ name }) => name === "manifest.json")?.body)) as object[];
        const second = docker25(tool, undefined).filter(({ name }) => name.startsWith("blobs/"));
        const toolItem = {
            Config: `blobs/sha256/${digestHex(computeDigest(tool.config))}`,
            RepoTags: ["tool:2"],
            Layers: tool.layers.map((layer) => `blobs/sha256/${digestHex(computeDigest(layer))}`),
        };
        const entries = both.map((entry) =>
            entry.name === "manifest.json" ? manifestEntry([...items, toolItem]) : entry,
        );
        const { lock } = await described([...second, ...entries]);
        expect(Object.keys(lock.images)).toEqual(["docker.io/library/app:1", "docker.io/library/tool:2"]);
    });

    it("is refused where its two lists give one name to two images: neither is preferred", async () => {
        const pulled = testImage("pulled", {
            config: tool.config,
            layers: tool.layers.map((layer) => gzipSync(layer)),
        });
        const annotations = { "containerd.io/distribution.source.docker.io": "library/app" };
        const files = ociLayoutFiles([{ image: pulled, name: "1", annotations }]);
        const of24 = docker24([{ image: app, tags: ["app:1", "quay.io/org/other:1"] }]);
        const error = await refusal(described([...[...files].map(([name, body]) => ({ name, body })), ...of24]));
        expect(error.code).toBe("ARCHIVE_NAMES_UNRESOLVED");
        expect(error.message).toContain(`manifest.json gives ${tag} to the image ${computeDigest(app.config)}`);
        expect(error.message).toContain(`index.json to ${pulled.digest}`);
        expect(error.message).not.toContain("org/other");
    });

    it("with containerd's store keeps the manifests that were pulled; platforms that were not are left out", async () => {
        const amd64 = testImage("amd64", { config: app.config, layers: app.layers.map((layer) => gzipSync(layer)) });
        const [arm64, s390x] = [testImage("arm64"), testImage("s390x")];
        const index = testIndex([amd64, arm64, s390x]);
        const signature = testImage("signature");
        const annotations = {
            "io.containerd.image.name": "quay.io/org/app:1",
            "containerd.io/distribution.source.quay.io": "org/app",
        };
        // Of arm64 only the manifest is there, of s390x not even that.
        const absent = [...arm64.blobs.keys(), s390x.digest, ...s390x.blobs.keys()];
        const files = ociLayoutFiles(
            [
                { image: index, name: "1", annotations },
                { image: signature, annotations: { "io.containerd.manifest.subject": amd64.digest } },
            ],
            absent,
        );
        const [config = "", ...layers] = [...amd64.blobs.keys()].map((digest) => `blobs/sha256/${digestHex(digest)}`);
        const entries = [...files].map(([name, body]) => ({ name, body }));
        const item = { Config: config, RepoTags: ["quay.io/org/app:1"], Layers: layers };
        const { lock, notes } = await described([...entries, manifestEntry([item])]);
        expect(lock.images).toEqual({
            "quay.io/org/app:1": index.digest,
            [`quay.io/org/app@${signature.digest}`]: signature.digest,
        });
        expect(lock).not.toHaveProperty("marks");
        expect(lock.manifests[index.digest]).toMatchObject({
            manifests: [amd64.digest],
            absent: [arm64.digest, s390x.digest],
        });
        expect(notes).toContain("quay.io/org/app:1: of its index, 2 manifests are left out (a selection of platforms)");
    });
});
