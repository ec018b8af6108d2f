import { gzipSync } from "node:zlib";
import type { Override } from "../../../lib/mirror/override";
import { describeArchive } from "../../../lib/archives";
import { computeDigest, digestHex } from "../../../lib/oci/digest";
import {
    ArchiveBench,
    type LayoutImage,
    type TarSpec,
    ociLayoutFiles,
    refusal,
    tar,
    testImage,
} from "../../support/archives";
import { docker24, dockerImage, expectedDigest } from "../../support/docker-archives";
import { offeredOverrides } from "../../support/oc-mirror-archive";

const app = testImage("app");
const other = testImage("other");
const saved = dockerImage("base");
const bench = new ArchiveBench();
afterEach(() => bench.clear());

type Files = readonly (readonly [string, Buffer])[];

async function described(files: Files, overrides: readonly Override[] = []) {
    const entries = files.map(([name, body]) => ({ name, body }));
    return describeArchive(await bench.openFiles({ "a.tar": tar(entries) }, "a.tar"), overrides);
}

const layout = (...images: readonly LayoutImage[]): Files => [...ociLayoutFiles(images)];
const toFiles = (entries: readonly TarSpec[]): Files =>
    entries.map(({ name, body }) => [name, Buffer.from(body ?? "")] as const);
const dir = (folder: string): Files =>
    [
        ["version", Buffer.from("Directory Transport Version: 1.1\n")] as const,
        ["manifest.json", app.manifest] as const,
        ...[...app.blobs].map(([digest, bytes]) => [digestHex(digest), bytes] as const),
    ].map(([name, bytes]) => [`${folder}/${name}`, bytes] as const);

/** Archives that name an image quay.io/org/app:1 themselves, and what an override may call it. */
const NAMED: readonly [string, Files, string, string][] = [
    ["a layout, by ref.name", layout({ image: app, name: "quay.io/org/app:1" }), "quay.io/org/app:1", app.digest],
    [
        "a layout, by containerd's name",
        layout({ image: app, name: "1", annotations: { "io.containerd.image.name": "quay.io/org/app:1" } }),
        "quay.io/org/app:1",
        app.digest,
    ],
    [
        "a layout, by where it was pulled from",
        layout({ image: app, name: "1", annotations: { "containerd.io/distribution.source.quay.io": "org/app" } }),
        "1",
        app.digest,
    ],
    [
        "a store of Hauler",
        layout({
            image: app,
            name: "org/app:1",
            annotations: { kind: "dev.hauler/image", "io.containerd.image.name": "quay.io/org/app:1" },
        }),
        "org/app:1",
        app.digest,
    ],
    [
        "a Zarf package",
        [
            ["zarf.yaml", Buffer.from("kind: ZarfPackageConfig")],
            ...layout({
                image: app,
                annotations: { "org.opencontainers.image.base.name": "quay.io/org/app:1" },
            }).map(([name, bytes]) => [`images/${name}`, bytes] as const),
        ],
        app.digest,
        app.digest,
    ],
    [
        "a docker-archive",
        toFiles(docker24([{ image: saved, tags: ["quay.io/org/app:1"] }])),
        "quay.io/org/app:1",
        expectedDigest(saved),
    ],
    ["a dir: layout", dir("quay.io/org/app:1"), "quay.io/org/app:1", app.digest],
];

describe.each(NAMED)("an override for an image that the archive names: %s", (_, files, name, digest) => {
    const images = async (overrides: readonly Override[]) => (await described(files, overrides)).lock.images;

    it("changes nothing if it says the same, and is not said to be of no use", async () => {
        for (const match of [name, "**"]) {
            const { lock, notes } = await described(files, [{ match, registry: "quay.io" }]);
            expect(lock.images).toEqual({ "quay.io/org/app:1": digest });
            expect(notes.filter((note) => note.includes("override"))).toEqual([]);
        }
    });

    it("wins if it says something else and has no wildcards, and the note says so", async () => {
        const { lock, notes } = await described(files, [{ match: name, registry: "reg.lab" }]);
        expect(lock.images).toEqual({ "reg.lab/org/app:1": digest });
        expect(notes).toContainEqual(
            expect.stringMatching(/ is reg\.lab\/org\/app:1 by its override; the archive says quay\.io\/org\/app:1$/),
        );
        expect(await images([{ match: name, registry: "quay.io", repository: "x/y", tag: "2" }])).toEqual({
            "quay.io/x/y:2": digest,
        });
    });

    it("is a question if it has wildcards, which the override that is offered answers", async () => {
        const given = [{ match: "**", registry: "reg.lab" }];
        const error = await refusal(described(files, given));
        expect(error.code).toBe("ARCHIVE_NAMES_UNRESOLVED");
        expect(error.message).toContain(": quay.io/org/app:1, reg.lab/org/app:1\n");
        const offered = offeredOverrides(error, { "quay.io or reg.lab": "quay.io" });
        expect(offered).toHaveLength(1);
        expect(await images([...offered, ...given])).toEqual({ "quay.io/org/app:1": digest });
        const renamed = offeredOverrides(error, { "quay.io or reg.lab": "reg.lab" });
        expect(await images([...renamed, ...given])).toEqual({ "reg.lab/org/app:1": digest });
    });
});

describe("an override for an image that the archive names by its digest", () => {
    const name = `quay.io/org/app@${app.digest}`;

    it.each<[string, Files]>([
        ["a layout", layout({ image: app, name })],
        ["a dir: layout", dir(name)],
    ])("is refused if it says something else; the override that is offered keeps the name: %s", async (_, files) => {
        const given = [{ match: name, registry: "reg.lab" }];
        const error = await refusal(described(files, given));
        expect(error.message).toContain(
            `the archive proves by digest that it is ${name}, the override ${name} says reg.lab`,
        );
        const offered = offeredOverrides(error);
        expect(offered).toEqual([{ match: name, registry: "quay.io" }]);
        expect((await described(files, [...offered, ...given])).lock.images).toEqual({ [name]: app.digest });
    });

    it("may give it a tag", async () => {
        const override = { match: name, registry: "quay.io", repository: "org/app", tag: "1" };
        const { lock } = await described(layout({ image: app, name }), [override]);
        expect(lock.images).toEqual({ "quay.io/org/app:1": app.digest });
    });

    it("does not cover up that the image has another one", async () => {
        const files = layout({ image: other, name });
        const error = await refusal(described(files, [{ match: name, registry: "quay.io", tag: "1" }]));
        expect(error.message).toContain(`its name gives another digest, ${app.digest}`);
    });
});

describe("an override and what is not named on its own", () => {
    const signature = testImage("signature");
    const subject = (digest: string) => ({ "io.containerd.manifest.subject": digest });

    it("names what is about an image by its digest, also where that image is not there", async () => {
        const files = layout(
            { image: app, name: "quay.io/org/app:1" },
            { image: signature, annotations: subject(other.digest) },
        );
        const override = { match: signature.digest, registry: "quay.io", repository: "org/other", tag: "s" };
        const { lock, notes } = await described(files, [override]);
        expect(lock.images).toEqual({ "quay.io/org/app:1": app.digest, "quay.io/org/other:s": signature.digest });
        expect(notes).toEqual([]);
    });

    it("does not bring in what is no image, and the note says so", async () => {
        const files = layout(
            { image: app, name: "quay.io/org/app:1" },
            { image: { ...other, mediaType: "application/x-other" }, name: "o" },
        );
        const { notes } = await described(files, [{ match: "o", registry: "quay.io", repository: "o" }]);
        expect(notes).toEqual([
            "o in index.json is left out: its type is application/x-other, which the override o cannot change",
        ]);
    });

    it("asks nothing of the children of an image that is asked for", async () => {
        const files = layout({ image: app, name: "quay.io/org/app:1" }, { image: app });
        const error = await refusal(described(files, [{ match: "quay.io/**", registry: "reg.lab" }]));
        expect(error.message).toContain("1 name has no single upstream");
    });
});

describe("an override for an image that docker saved with the manifest it pulled", () => {
    const image = testImage("kept", { config: saved.config, layers: saved.layers.map((layer) => gzipSync(layer)) });
    const [config = "", ...layers] = [...image.blobs.keys()].map((digest) => `blobs/sha256/${digestHex(digest)}`);
    const annotations = {
        "io.containerd.image.name": "docker.io/library/app:1",
        "containerd.io/distribution.source.docker.io": "library/app",
    };
    const item = (tags: readonly string[] | null) =>
        ["manifest.json", Buffer.from(JSON.stringify([{ Config: config, RepoTags: tags, Layers: layers }]))] as const;
    const files = [...layout({ image, name: "1", annotations }), item(["app:1"])];

    it.each(["app:1", "docker.io/library/app:1", "1", image.digest, computeDigest(saved.config)])(
        "renames that image, and makes no second one of the name in manifest.json: by %s",
        async (match) => {
            const { lock } = await described(files, [{ match, registry: "quay.io", repository: "org/app" }]);
            expect(lock.images).toEqual({ "quay.io/org/app:1": image.digest });
            expect(lock).not.toHaveProperty("marks");
        },
    );

    it("also where manifest.json gives no name", async () => {
        const untagged = [...layout({ image, name: "1", annotations }), item(null)];
        const override = { match: computeDigest(saved.config), registry: "quay.io", repository: "org/app" };
        expect((await described(untagged, [override])).lock.images).toEqual({ "quay.io/org/app:1": image.digest });
    });
});
