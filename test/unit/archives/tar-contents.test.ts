import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describeArchive, openArchive } from "../../../lib/archives";
import { digestHex } from "../../../lib/oci/digest";
import {
    ArchiveBench,
    type TarSpec,
    ocMirrorEntries,
    ociLayoutFiles,
    refusal,
    tar,
    testImage,
} from "../../support/archives";
import { docker24, dockerImage, expectedDigest } from "../../support/docker-archives";

const app = testImage("app");
const other = testImage("other");
const saved = dockerImage("base");
const bench = new ArchiveBench();
afterEach(() => bench.clear());

const layout = (folder = "", image = app, name = "quay.io/org/app:1"): TarSpec[] =>
    [...ociLayoutFiles([{ image, name }])].map(([entry, body]) => ({ name: `${folder}${entry}`, body }));
const dockerEntries = (folder = "") =>
    docker24([{ image: saved, tags: ["quay.io/org/saved:1"] }]).map((entry) => ({
        ...entry,
        name: `${folder}${entry.name}`,
    }));
const mirrorEntries = ocMirrorEntries({
    tags: [{ repository: "org/app", tag: "1", image: app }],
    imageSet: ["quay.io/org/app:1"],
});
const APP = { "quay.io/org/app:1": app.digest };
const SAVED = { "quay.io/org/saved:1": expectedDigest(saved) };
const OTHER = { "quay.io/org/other:1": other.digest };

async function described(entries: readonly TarSpec[], name = "all.tar") {
    const folder = await bench.folder({ [name]: tar(entries) });
    const archive = await bench.open(join(folder, name));
    const { lock } = await describeArchive(archive, []);
    return { images: lock.images, notes: archive.warnings.map((warning) => warning.replace(`${folder}/`, "")) };
}

describe("all archives that lie unpacked in a tar are read:", () => {
    it.each<[string, TarSpec[], object]>([
        ["a docker save beside a layout", [...layout("layout/"), ...dockerEntries("docker/")], { ...APP, ...SAVED }],
        [
            "a layout in the folder of another one",
            [...layout(), ...layout("more/", other, "quay.io/org/other:1")],
            { ...APP, ...OTHER },
        ],
        ["a layout in the folder of a docker save", [...dockerEntries(), ...layout("oci/")], { ...APP, ...SAVED }],
    ])("%s", async (_, entries, images) => {
        expect(await described(entries)).toEqual({ images, notes: [] });
    });
});

describe("what else is in a tar is named:", () => {
    const strangers: TarSpec[] = [
        { name: "README.md", body: "text" },
        { name: "blobs/readme.txt", body: "text" },
        { name: "empty", body: "" },
        { name: "latest", type: "2", linkname: "/nowhere" },
        { name: `docs/${"0".repeat(64)}`, body: "named as a blob" },
        { name: "man.1.gz", body: gzipSync(Buffer.alloc(4000, "page")) },
    ];

    it.each<[string, TarSpec[]]>([
        ["beside a layout", layout()],
        ["beside a docker save", dockerEntries()],
    ])("%s", async (_, entries) => {
        const { notes } = await described([...strangers, ...entries]);
        expect(notes).toEqual([
            `all.tar: 6 entries belong to no image archive and are left out: README.md, blobs/readme.txt, empty, latest, man.1.gz, docs/${"0".repeat(64)}`,
        ]);
    });

    it("in a part of oc-mirror, by part", async () => {
        const { images, notes } = await described(
            [...mirrorEntries, ...strangers.slice(0, 2), { name: "isc_other/x" }],
            "mirror_000001.tar",
        );
        expect(images).toEqual(APP);
        expect(notes).toEqual([
            "mirror_000001.tar: 2 entries are not of oc-mirror's archive and are left out: README.md, blobs/readme.txt",
        ]);
    });

    it("and counted beyond twenty", async () => {
        const many = Array.from({ length: 30 }, (_, at) => ({ name: `file${at + 10}`, body: "x" }));
        expect((await described([...layout(), ...many])).notes).toEqual([
            expect.stringMatching(
                /30 entries belong to no image archive and are left out: file10, .*, file29, and 10 more$/,
            ),
        ]);
    });

    it("but not what belongs to a format: blobs, layers, what a Zarf package has beside its images", async () => {
        const zarf: TarSpec[] = [
            { name: "zarf.yaml", body: "kind: ZarfPackageConfig" },
            { name: "components/base.tar", body: tar([{ name: "x", body: "y" }]) },
            { name: "sboms.tar", body: tar([{ name: "x", body: "y" }]) },
            ...layout("images/"),
        ];
        expect(await described(zarf)).toEqual({ images: APP, notes: [] });
        const blob = { name: `blobs/sha256/${digestHex(other.digest)}`, body: tar([{ name: "x", body: "y" }]) };
        expect(await described([...layout(), blob])).toEqual({ images: APP, notes: [] });
    });
});

describe("an archive that is an entry of a tar is refused by name, with a cure that works:", () => {
    it.each<[string, TarSpec[], TarSpec, string]>([
        ["a tar beside a layout", layout(), { name: "saved.tar", body: tar(dockerEntries()) }, "all.tar"],
        [
            "a compressed one beside a docker save",
            dockerEntries(),
            { name: "x/app.bin", body: gzipSync(tar(layout())) },
            "all.tar",
        ],
        [
            "parts of oc-mirror, packed into one",
            [],
            { name: "run/mirror_000001.tar", body: tar(mirrorEntries) },
            "all.tar",
        ],
        [
            "a tar in a part of oc-mirror",
            mirrorEntries,
            { name: "saved.tar", body: tar(dockerEntries()) },
            "mirror_000001.tar",
        ],
    ])("%s", async (_, entries, nested, name) => {
        const folder = await bench.folder({ [name]: tar([...entries, nested]) });
        const error = await refusal(openArchive(join(folder, name)));
        expect(error.code).toBe("ARCHIVE_FORMAT_UNSUPPORTED");
        expect(error.message).toContain(`the entry ${nested.name} is an archive itself`);
        const unpacked = await bench.folder({});
        const [, command = ""] = /\((tar .*?)\)/.exec(error.fix ?? "") ?? [];
        expect(spawnSync("sh", ["-c", command], { cwd: unpacked }).status).toBe(0);
        const again = await bench.folder({ [name]: tar(entries) });
        const { lock } = await describeArchive(await bench.open(name === "all.tar" ? unpacked : [again, unpacked]), []);
        expect(Object.keys(lock.images)).toHaveLength(entries.length === 0 ? 1 : 2);
    });
});
