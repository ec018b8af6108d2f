import { describeArchive } from "../../../lib/archives";
import { parseBoundedJson } from "../../../lib/oci/bounded-json";
import { computeDigest, digestHex } from "../../../lib/oci/digest";
import { ArchiveError } from "../../../lib/errors/errors";
import { isRetryable } from "../../../lib/distribution/limits/retry";
import {
    ArchiveBench,
    type TarSpec,
    type TestImage,
    ociLayoutFiles,
    refusal,
    tar,
    testImage,
    testIndex,
} from "../../support/archives";
import { dockerImage } from "../../support/docker-archives";

const MIB = 1024 * 1024;
const app = testImage("app");
const bench = new ArchiveBench();
afterEach(() => bench.clear());

const layout = (image: TestImage = app): TarSpec[] =>
    [...ociLayoutFiles([{ image, name: "quay.io/org/app:1" }])].map(([name, body]) => ({ name, body }));

async function described(entries: readonly TarSpec[]) {
    return describeArchive(await bench.openFiles({ "a.tar": tar(entries) }, "a.tar"), []);
}

/** An image with other bytes for its manifest. */
function withManifest(text: string): TestImage {
    const manifest = Buffer.from(text);
    return { ...app, manifest, digest: computeDigest(manifest) };
}

describe("metadata that is too large is refused before it is read:", () => {
    const replaced = (name: string, body: Buffer) =>
        layout().map((entry) => (entry.name === name ? { name, body } : entry));
    const docker = dockerImage("base");
    const item = { Config: "c.json", RepoTags: ["a:1"], Layers: ["l.tar"] };

    it.each<[string, TarSpec[], string]>([
        ["index.json", replaced("index.json", Buffer.alloc(64 * MIB + 1, " ")), "index.json"],
        ["oci-layout", replaced("oci-layout", Buffer.alloc(4 * MIB + 1, " ")), "oci-layout"],
        [
            "a manifest",
            layout(withManifest(`{"schemaVersion":2,"x":"${"x".repeat(4 * MIB)}"}`)),
            `blobs/sha256/${digestHex(withManifest(`{"schemaVersion":2,"x":"${"x".repeat(4 * MIB)}"}`).digest)}`,
        ],
        ["manifest.json", [{ name: "manifest.json", body: Buffer.alloc(20 * MIB + 1, " ") }], "manifest.json"],
        [
            "a config that must be read",
            [
                { name: "c.json", body: Buffer.alloc(4 * MIB + 1, " ") },
                { name: "l.tar", body: docker.layers[0] ?? "" },
                { name: "manifest.json", body: JSON.stringify([item]) },
            ],
            "c.json",
        ],
    ])("%s", async (_, entries, entry) => {
        expect(await refusal(described(entries))).toMatchObject({ code: "ARCHIVE_TOO_LARGE", entry });
    });
});

describe("what is no content is refused where content must be:", () => {
    it.each([
        ["sparse", { type: "S", magic: "ustar  \0" }],
        ["device", { type: "3" }],
    ])("a %s entry", async (type, fault) => {
        const name = `blobs/sha256/${digestHex([...app.blobs.keys()][1] ?? "")}`;
        const entries = layout().map((entry) => (entry.name === name ? { name, ...fault } : entry));
        const error = await refusal(described(entries));
        expect(error).toMatchObject({ code: "ARCHIVE_ENTRY_INVALID", entry: name });
        expect(error.message).toContain(`a ${type} entry stands where a regular file must be`);
    });
});

describe("manifests that no registry takes are refused with the cure:", () => {
    it("Docker schema 1, in a layout and in a dir:", async () => {
        const old = withManifest('{"schemaVersion":1,"name":"org/app","fsLayers":[]}');
        const dir = [
            { name: "version", body: "Directory Transport Version: 1.1\n" },
            { name: "manifest.json", body: old.manifest },
        ];
        for (const entries of [layout(old), dir]) {
            await expect(described(entries)).rejects.toMatchObject({
                code: "MANIFEST_SCHEMA1",
                fix: expect.stringContaining("convert the image upstream") as string,
            });
        }
    });

    it("digests of another algorithm", async () => {
        const text = app.manifest.toString().replace(/sha256:[0-9a-f]{64}/, `sha512:${"a".repeat(128)}`);
        const error = await refusal(described(layout(withManifest(text))));
        expect(error).toMatchObject({ code: "ARCHIVE_DIGEST_UNSUPPORTED" });
        expect(error.message).toContain("not every registry supports other digests than sha256");
    });
});

it("an index.json may be longer than a manifest: 17,800 entries are read", async () => {
    const names = Array.from({ length: 17_800 }, (_, i) => `quay.io/org/app:1.${i}-with-a-long-tag-${"x".repeat(60)}`);
    const files = ociLayoutFiles(names.map((name) => ({ image: app, name })));
    expect(files.get("index.json")?.length).toBeGreaterThan(4 * MIB);
    const { lock } = await described([...files].map(([name, body]) => ({ name, body })));
    expect(Object.keys(lock.images)).toHaveLength(names.length);
});

describe("JSON that is nested without end is refused before it is parsed:", () => {
    const nested = "[".repeat(4 * MIB - 100);
    const message = "more than 64 levels of arrays and objects";

    it("a manifest", async () => {
        const entries = layout(withManifest(`{"schemaVersion":2,"x":${nested}`));
        await expect(described(entries)).rejects.toMatchObject({ problem: message, code: "MANIFEST_INVALID" });
    });

    it("a manifest.json", async () => {
        const { problem, code } = await refusal(described([{ name: "manifest.json", body: nested }]));
        expect({ problem, code }).toEqual({ problem: message, code: "ARCHIVE_METADATA_INVALID" });
    });
});

it("brackets in texts are no nesting", () => {
    const text = `${"[".repeat(100)}"${"{".repeat(100)}`;
    expect(parseBoundedJson(Buffer.from(JSON.stringify({ [text]: [[text, "\\"]] })))).toEqual({
        [text]: [[text, "\\"]],
    });
    expect(parseBoundedJson(Buffer.from(JSON.stringify(Array.from({ length: 100 }, () => [{}]))))).toHaveLength(100);
});

it("an index without manifests is refused: nothing of it can be pulled", async () => {
    const { code, problem, message } = await refusal(described(layout(testIndex([]))));
    expect({ code, problem }).toEqual({
        code: "ARCHIVE_INCOMPLETE",
        problem: "its index lists no manifests, so nothing of it can be pulled",
    });
    expect(message).toContain("image quay.io/org/app:1");
});

it("an artifact is content like any other: its config is never parsed", async () => {
    const config = Buffer.from("\0asm, not JSON");
    const text = app.manifest
        .toString()
        .replace("application/vnd.oci.image.config.v1+json", "application/vnd.wasm.config.v1+json")
        .replace([...app.blobs.keys()][0] ?? "", computeDigest(config))
        .replace(/"size": \d+/, `"size": ${config.length}`);
    const artifact = { ...withManifest(text), blobs: new Map([...app.blobs, [computeDigest(config), config]]) };
    const { lock } = await described(layout(artifact));
    expect(lock.images).toEqual({ "quay.io/org/app:1": artifact.digest });
    expect(lock.blobs[computeDigest(config)]).toBe(config.length);
});

it("a disk that cannot be read is not tried again", () => {
    const facts = { archive: "a.tar", offset: 512, code: "ARCHIVE_UNREADABLE" as const };
    expect(isRetryable(new ArchiveError("cannot be read: EIO", facts))).toBe(false);
});
