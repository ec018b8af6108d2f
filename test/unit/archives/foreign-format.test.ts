import { join } from "node:path";
import { openArchive } from "../../../lib/archives";
import { ArchiveBench, type OcMirrorSpec, ocMirrorEntries, refusal, tar, testImage } from "../../support/archives";

const image = testImage("app", { layers: [Buffer.alloc(700_000, "a"), Buffer.from("small")] });
const spec: OcMirrorSpec = {
    tags: [{ repository: "org/app", tag: "1", image }],
    imageSet: ["quay.io/org/app:1"],
};
const entries = ocMirrorEntries(spec);

const bench = new ArchiveBench();
afterEach(() => bench.clear());

describe("what is no archive of ours is refused with the cure", () => {
    const some = { "a.txt": Buffer.from("x") };
    const asTar = (files: Record<string, Buffer>): Buffer =>
        tar(Object.entries(files).map(([name, body]) => ({ name, body })));
    const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

    it.each<[string, Record<string, Buffer>, string, string]>([
        ["oc-mirror v1 by name", { "mirror_seq1_000000.tar": tar([]) }, "oc-mirror v1", "oc-mirror --v2"],
        [
            "oc-mirror v1 by content",
            { "x.tar": asTar({ "publish/.metadata.json": json({}) }) },
            "oc-mirror v1",
            "oc-mirror --v2",
        ],
        [
            "a docker-archive without an image",
            { "x.tar": asTar({ "manifest.json": json([]) }) },
            "it lists no image",
            "save the images again",
        ],
        [
            "a dir: layout of another version",
            { "x.tar": asTar({ "manifest.json": json({}), version: Buffer.from("") }) },
            "does not say Directory Transport Version 1.x",
            "skopeo",
        ],
        [
            "a dir: layout without its version",
            { "x.tar": asTar({ "manifest.json": json({ schemaVersion: 2 }) }) },
            "the file version of a dir: layout is missing",
            "copy the whole folder",
        ],
        ["a very old docker save", { "x.tar": asTar({ repositories: json({}) }) }, "before 1.10", "skopeo"],
        ["any other tar", { "x.tar": asTar(some) }, "no image archive is recognised", "oc-mirror --v2, skopeo, podman"],
        ["a text", { "x.tar": Buffer.alloc(2000, "text ") }, "this is not a tar archive", "copy the archive again"],
    ])("%s", async (_, files, what, fix) => {
        const [name = ""] = Object.keys(files);
        const path = join(await bench.folder(files), name);
        const error = await refusal(openArchive(path));
        expect(error.message).toContain(`archive ${path}`);
        expect(error.message).toContain(what);
        expect(error.fix).toContain(fix);
    });

    it.each<[string, Record<string, Buffer>, string]>([
        ["other files", some, "no image archive is recognised here, only a.txt"],
        ["parts of oc-mirror v1", { "mirror_seq2_000000.tar": tar([]) }, "oc-mirror v1"],
        [
            "parts of oc-mirror v1 and v2",
            { "mirror_seq2_000000.tar": tar([]), "mirror_000001.tar": tar(entries) },
            "v1",
        ],
        ["archives of other things", { "a.tar": asTar(some) }, "no image archive is recognised here, only a.tar"],
    ])("a folder with %s", async (_, files, what) => {
        const error = await refusal(bench.openFiles(files));
        expect(error).toMatchObject({ code: "ARCHIVE_FORMAT_UNSUPPORTED" });
        expect(error.message).toContain(what);
    });

    it("a path where nothing is, and no path at all", async () => {
        const error = await refusal(openArchive("/no/such/place"));
        expect(error).toMatchObject({ code: "ARCHIVE_NOT_FOUND", archive: "/no/such/place" });
        expect(await refusal(openArchive([]))).toMatchObject({ code: "ARCHIVE_NOT_FOUND" });
    });
});
