import { describeArchive } from "../../../lib/archives";
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
        ["index.json", replaced("index.json", Buffer.alloc(4 * MIB + 1, " ")), "index.json"],
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
