import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Archive, type ArchiveDescription, describeArchive } from "../../../lib/archives";
import type { Override } from "../../../lib/mirror/override";
import { parseLock, serialiseLock } from "../../../lib/lock/lock";
import { computeDigest } from "../../../lib/oci/digest";
import { PassthroughError } from "../../../lib/errors/errors";
import {
    ArchiveBench,
    type OcMirrorSpec,
    imageObjects,
    ociLayoutFiles,
    ocMirrorBlobName,
    ocMirrorEntries,
    refusal,
    tar,
    testImage,
    testIndex,
} from "../../support/archives";

const fixtures = join(__dirname, "../../fixtures");
const bench = new ArchiveBench();
afterEach(() => bench.clear());

async function describeAt(path: string, overrides: readonly Override[] = []): Promise<ArchiveDescription> {
    return describeArchive(await bench.open(path), overrides);
}

async function describeFiles(files: Iterable<readonly [string, Buffer]>): Promise<ArchiveDescription> {
    return describeAt(await bench.folder(files));
}

const describeMirror = (spec: OcMirrorSpec): Promise<ArchiveDescription> =>
    describeFiles([["mirror_000001.tar", tar(ocMirrorEntries(spec))]]);

const fixture = (name: string): string => join(fixtures, "archives/oc-mirror", name);
const short = (digests: Readonly<Record<string, string>>): Record<string, string> =>
    Object.fromEntries(
        Object.entries(digests).map(([name, digest]) => [name.replace(/(@sha256:.{4}).*/, "$1"), digest.slice(7, 11)]),
    );

describe("the archives that oc-mirror wrote", () => {
    it("with-mapping is complete: six images, one path under two hosts told apart by tag and digest", async () => {
        const { lock, notes } = await describeAt(fixture("with-mapping"));
        expect(short(lock.images)).toEqual({
            "docker.io/library/nginx:1.27": "63ba",
            "quay.io/legacy/v2s2:1.0": "c044",
            "quay.io/multi/tool:2.0": "c9ba",
            "quay.io/team0/app0:v1": "7430",
            "quay.io/team1/app1@sha256:655b": "655b",
            "registry.redhat.io/team1/app1:v1": "231e",
        });
        expect(notes).toEqual([]);
        expect(lock.absent).toEqual([]);
        expect(lock.earlier).toEqual({ images: {}, manifests: {}, blobs: {} });
        expect(Object.keys(lock.manifests)).toHaveLength(7);
        expect(Object.keys(lock.blobs)).toHaveLength(13);
        const digestOfV2s2 = lock.images["quay.io/legacy/v2s2:1.0"] ?? "";
        expect(lock.manifests[digestOfV2s2]).toMatchObject({
            mediaType: "application/vnd.docker.distribution.manifest.v2+json",
            size: 577,
        });
        expect(lock.manifests[lock.images["quay.io/multi/tool:2.0"] ?? ""]?.manifests).toHaveLength(2);
    });

    it("with-mapping gives the golden lock, to the byte", async () => {
        const { lock } = await describeAt(fixture("with-mapping"));
        const golden = join(fixtures, "locks/with-mapping.lock.json");
        const { nameSources, ...content } = lock;
        expect(serialiseLock(content)).toBe(await readFile(golden, "utf8"));
        expect(Object.keys(nameSources ?? {})).toEqual(Object.keys(lock.images));
    });

    it("incremental/1 is complete by its image set alone", async () => {
        const { lock, notes } = await describeAt(fixture("incremental/1"));
        expect(short(lock.images)).toEqual({
            "quay.io/team0/app0:v1": "7430",
            "registry.redhat.io/team1/app1:v1": "231e",
        });
        expect(lock.earlier.images).toEqual({});
        expect(notes).toEqual([]);
    });

    it("incremental/2 brings the new images, and names what the first archive must have brought", async () => {
        const { lock } = await describeAt(fixture("incremental/2"));
        expect(short(lock.images)).toEqual({ "quay.io/multi/tool:2.0": "c9ba", "quay.io/team1/app1:v1b": "655b" });
        expect(short(lock.earlier.images)).toEqual({
            "quay.io/team0/app0:v1": "7430",
            "registry.redhat.io/team1/app1:v1": "231e",
        });
        expect(lock.earlier.blobs).toEqual({
            "sha256:1653c9d04b763dab155a7083abe13e9baac500862cc5b0ae65942a471bf2e1a8": {
                size: 10240,
                from: [
                    "quay.io/multi/tool",
                    "quay.io/team0/app0",
                    "quay.io/team1/app1",
                    "registry.redhat.io/team1/app1",
                ],
            },
        });
        expect(lock.absent).toEqual([]);
        const before = (await describeAt(fixture("incremental/1"))).lock;
        expect(Object.keys(before.blobs)).toEqual(expect.arrayContaining(Object.keys(lock.earlier.blobs)));
    });

    it("operators is complete: the rebuilt catalog has the tag, its bundle and image their own hosts", async () => {
        const { lock, notes } = await describeAt(fixture("operators"));
        expect(short(lock.images)).toEqual({
            "quay.io/team1/app1@sha256:655b": "655b",
            "registry.redhat.io/acme/acme-operator-index:v4.18": "0f31",
            "registry.redhat.io/team0/app0@sha256:38ec": "38ec",
        });
        expect(lock.absent).toEqual([]);
        expect(lock.marks).toEqual({ "registry.redhat.io/acme/acme-operator-index:v4.18": "rebuilt" });
        expect(notes).toEqual([
            expect.stringContaining("acme/acme-operator-index:v4.18: the original is left out"),
            expect.stringContaining("1 image was rebuilt by the mirroring tool"),
        ]);
    });

    it("release is complete: its components are named as the release names them", async () => {
        const { lock, notes } = await describeAt(fixture("release"));
        expect(short(lock.images)).toEqual({
            "docker.io/library/nginx:1.27": "63ba",
            "quay.io/openshift-release-dev/ocp-release:4.18.20-x86_64": "1539",
            "quay.io/openshift-release-dev/ocp-v4.0-art-dev:4.18.20-x86_64-cli": "0ea0",
            "quay.io/openshift-release-dev/ocp-v4.0-art-dev:4.18.20-x86_64-etcd": "bff0",
            "quay.io/openshift-release-dev/ocp-v4.0-art-dev:4.18.20-x86_64-machine-config-operator": "5081",
        });
        expect(lock.absent).toEqual([]);
        expect(notes).toEqual([]);
    });
});

describe("the lock of an archive", () => {
    const amd64 = testImage("amd64");
    const arm64 = testImage("arm64");
    const list = testIndex([amd64, testIndex([arm64], { docker: true })], { docker: true });
    const spec: OcMirrorSpec = {
        tags: [{ repository: "org/app", tag: "1", image: list }],
        imageSet: ["quay.io/org/app:1"],
    };
    const [config = "", layer = ""] = [...arm64.blobs.keys()];

    it("has every manifest of nested lists, and their blobs", async () => {
        const { lock } = await describeMirror(spec);
        const inner = list.children[1]?.digest ?? "";
        expect(lock.manifests[list.digest]?.manifests).toEqual([amd64.digest, inner]);
        expect(lock.manifests[inner]?.manifests).toEqual([arm64.digest]);
        expect(lock.manifests[arm64.digest]?.blobs).toEqual([config, layer]);
        expect(Object.keys(lock.blobs)).toHaveLength(4);
        expect(parseLock(serialiseLock(lock), "x")).toEqual(lock);
    });

    it("has the children of an index that came earlier, with where they should be", async () => {
        const { lock } = await describeMirror({ ...spec, history: imageObjects(arm64).keys() });
        expect(lock.earlier.manifests).toEqual({
            [arm64.digest]: { size: arm64.manifest.length, from: ["quay.io/org/app"] },
        });
        expect(lock.manifests[list.children[1]?.digest ?? ""]?.manifests).toEqual([arm64.digest]);
        expect(parseLock(serialiseLock(lock), "x")).toEqual(lock);
    });

    it("has the children of a sparse index as absent, with a note", async () => {
        const sparse = testIndex([amd64, arm64]);
        const { lock, notes } = await describeMirror({
            ...spec,
            tags: [{ repository: "org/app", tag: "1", image: sparse }],
            leaveOut: imageObjects(arm64).keys(),
        });
        expect(lock.manifests[sparse.digest]).toMatchObject({ manifests: [amd64.digest], absent: [arm64.digest] });
        expect(notes).toEqual([expect.stringContaining("quay.io/org/app:1: of its index, 1 manifests are left out")]);
    });

    it("has a note of every image with such an index, also of two with the same one", async () => {
        const sparse = testIndex([amd64, arm64]);
        const { notes } = await describeMirror({
            tags: ["app", "twin"].map((name) => ({ repository: `org/${name}`, tag: "1", image: sparse })),
            imageSet: ["quay.io/org/app:1", "quay.io/org/twin:1"],
            leaveOut: imageObjects(arm64).keys(),
        });
        expect(notes).toEqual(
            ["app", "twin"].map(
                (name) => `quay.io/org/${name}:1: of its index, 1 manifests are left out (a selection of platforms)`,
            ),
        );
    });

    it("has blobs that came earlier, without repositories where no name is known for them", async () => {
        const foreign = testImage("foreign", { layers: [arm64.blobs.get(layer) ?? Buffer.alloc(0)] });
        const { lock } = await describeMirror({
            ...spec,
            tags: [...spec.tags, { repository: "not/ours", tag: "1", image: foreign }],
            history: [layer],
            leaveOut: [foreign.digest],
        });
        expect(lock.earlier.blobs).toEqual({
            [layer]: { size: arm64.blobs.get(layer)?.length, from: ["quay.io/org/app"] },
        });
        expect(lock.blobs[layer]).toBeUndefined();
    });

    it("names a blob once, however often a manifest does", async () => {
        const bytes = Buffer.from("same");
        const image = testImage("twice", { layers: [bytes, bytes] });
        const { lock } = await describeMirror({ ...spec, tags: [{ repository: "org/app", tag: "1", image }] });
        expect(lock.manifests[image.digest]?.blobs).toHaveLength(2);
    });

    it("leaves out a layer that may not be distributed and is not there, with a note", async () => {
        const bytes = Buffer.from("windows");
        const image = testImage("w", {
            layers: [bytes],
            layerType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        });
        const tags = [{ repository: "org/app", tag: "1", image }];
        const { lock, notes } = await describeMirror({ ...spec, tags, leaveOut: [computeDigest(bytes)] });
        expect(lock.manifests[image.digest]?.blobs).toHaveLength(1);
        expect(notes).toEqual([expect.stringContaining("is not distributable")]);
    });
});

describe("an archive is refused, naming image and digest,", () => {
    const image = testImage("app");
    const [config = "", layer = ""] = [...image.blobs.keys()];
    const spec: OcMirrorSpec = { tags: [{ repository: "org/app", tag: "1", image }], imageSet: ["quay.io/org/app:1"] };

    it("and an unused override is reported all the same", async () => {
        const told: string[] = [];
        const archive = await bench.openFiles({
            "mirror_000001.tar": tar(ocMirrorEntries({ ...spec, leaveOut: [layer] })),
        });
        const override = { match: "orgg/*", registry: "quay.io" };
        await refusal(describeArchive(archive, [override], { onUnused: (note) => told.push(note) }));
        expect(told).toEqual(["override orgg/* was not needed or matches nothing"]);
    });

    it("for a blob that is neither here nor came earlier", async () => {
        const error = await refusal(describeMirror({ ...spec, leaveOut: [layer] }));
        expect(error.code).toBe("ARCHIVE_INCOMPLETE");
        expect(error.message).toContain(`: image quay.io/org/app:1: its blob ${layer} is missing`);
        expect(error.archive).toMatch(/^\/\S+\/archives-/);
        expect(error.fix).toContain("copy all parts");
    });

    it("for an index without any of its children", async () => {
        const index = testIndex([image]);
        const tags = [{ repository: "org/app", tag: "1", image: index }];
        const error = await refusal(describeMirror({ ...spec, tags, leaveOut: [image.digest] }));
        expect(error.message).toContain(`every manifest of its index, among them ${image.digest} is missing`);
    });

    it("for all images that lack something, in one error", async () => {
        const names = ["one", "two", "three"] as const;
        const images = names.map((name) => testImage(name));
        const error = await refusal(
            describeMirror({
                tags: images.map((one, at) => ({ repository: `org/${names[at]}`, tag: "1", image: one })),
                imageSet: names.map((name) => `quay.io/org/${name}:1`),
                leaveOut: images.slice(0, 2).flatMap((one) => [...one.blobs.keys()]),
            }),
        );
        expect(error.code).toBe("ARCHIVE_INCOMPLETE");
        expect(error.message).toContain("2 images are incomplete");
        expect(error.message).toMatch(
            /\n +(its blob sha256:\w{64} and 1 more object(, |: )){2}it is missing \(2 images: quay\.io\/org\/one:1, quay\.io\/org\/two:1\)\n/,
        );
        expect(error.message).not.toContain("three");
    });

    it("for a manifest that an OCI layout names and does not hold", async () => {
        const error = await refusal(
            describeFiles(ociLayoutFiles([{ image, name: "quay.io/org/app:1" }], [image.digest])),
        );
        expect(error.message).toContain(`its manifest ${image.digest} is missing`);
    });

    it("for a blob of another size than its manifest says", async () => {
        const entries = ocMirrorEntries(spec).map((entry) =>
            entry.name === ocMirrorBlobName(config) ? { ...entry, body: "short" } : entry,
        );
        const error = await refusal(describeFiles([["mirror_000001.tar", tar(entries)]]));
        expect(error.code).toBe("ARCHIVE_SIZE_MISMATCH");
        expect(error.message).toContain(`entry ${ocMirrorBlobName(config)}, offset `);
        expect(error.message).toContain(
            `has 5 bytes here, the image's manifest says ${image.blobs.get(config)?.length}`,
        );
    });

    it("for a digest that registries do not take, and for a manifest of Docker's schema 1", async () => {
        const [sha512, schema1] = [
            Buffer.from(
                JSON.stringify({
                    schemaVersion: 2,
                    config: { digest: `sha512:${"a".repeat(128)}`, size: 1, mediaType: "a/x" },
                }),
            ),
            Buffer.from(JSON.stringify({ schemaVersion: 1, fsLayers: [] })),
        ].map((manifest) => ({ ...image, manifest, digest: computeDigest(manifest) }));
        const makeTags = (made = image) => [{ repository: "org/app", tag: "1", image: made }];
        expect(await refusal(describeMirror({ ...spec, tags: makeTags(sha512) }))).toMatchObject({
            code: "ARCHIVE_DIGEST_UNSUPPORTED",
        });
        await expect(describeMirror({ ...spec, tags: makeTags(schema1) })).rejects.toThrow(PassthroughError);
    });
});

it("an image whose digest is not upstream's, and which has no tag, is a problem of its name", async () => {
    const image = testImage("app");
    const key = `quay.io/org/app@${image.digest}`;
    const layout = await bench.openFiles(ociLayoutFiles([{ image, name: key }]));
    const marked: Archive = {
        ...layout,
        contents: async (overrides) => ({ ...(await layout.contents(overrides)), marks: new Map([[key, "tag-only"]]) }),
    };
    const error = await refusal(describeArchive(marked, []));
    expect(error.code).toBe("ARCHIVE_NAMES_UNRESOLVED");
    expect(error.message).toContain(`${key} (${image.digest}): its digest here is not upstream's, and it has no tag`);
});
