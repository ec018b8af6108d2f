import { spawnSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { openArchive } from "../../../lib/archives";
import { refusal } from "../../support/archives";
import {
    APP,
    type Files,
    SAVED,
    asTar,
    bench,
    chart,
    dockerTar,
    inFolder,
    layout,
    locked,
    other,
    part,
    text,
} from "../../support/archive-folders";

afterEach(() => bench.clear());

describe("what a folder holds beside archives is named:", () => {
    const folderNotes = async (files: Files) => {
        const folder = await bench.folder(files);
        return (await bench.open(folder)).warnings.map((warning) => warning.replace(`${folder}: `, ""));
    };

    it("files that are no archives, the first twenty and a count", async () => {
        const names = [
            "README.md",
            "SHA256SUMS",
            "app.tar.sha256",
            "run.log",
            "set.yaml",
            ".DS_Store",
            "._mirror_000001.tar",
        ];
        const files = [...names, ...Array.from({ length: 20 }, (_, at) => `z${at + 10}`)].map(
            (name) => [name, text()] as const,
        );
        const [note, ...rest] = await folderNotes([["mirror_000001.tar", part], ...files]);
        expect(rest).toEqual([]);
        expect(note).toContain(
            "27 files are no archives and are left out: .DS_Store, ._mirror_000001.tar, README.md, SHA256SUMS",
        );
        expect(note).toMatch(/run\.log, set\.yaml, z10, .*, z22, and 7 more$/);
    });

    it("archives of other things: charts, programs, what is only compressed", async () => {
        expect(
            await folderNotes([
                ["mirror_000001.tar", part],
                ["chart-1.0.tgz", chart],
                [
                    "client.tar.gz",
                    gzipSync(
                        asTar([
                            ["oc", text()],
                            ["README", text()],
                        ]),
                    ),
                ],
                ["disk.raw.gz", gzipSync(Buffer.alloc(4096, "disk"))],
                ["vm.ova", asTar([["vm.ovf", text()]])],
            ]),
        ).toEqual([
            "1 file is no archive and is left out: disk.raw.gz",
            "3 archives hold no images and are left out: chart-1.0.tgz, client.tar.gz, vm.ova",
        ]);
    });

    it("files in a layout's folder that are not its own, and no blob of it", async () => {
        const zeros = "0".repeat(64);
        expect(
            await folderNotes([
                ...layout(),
                [`blobs/sha256/${zeros}`, dockerTar()],
                ["oci-put-blob123", dockerTar()],
                ["ingest/x", dockerTar()],
                ["blobs/sha256/note.txt", text()],
                ["index.json.bak", text()],
            ]),
        ).toEqual(["2 files are no archives and are left out: blobs/sha256/note.txt, index.json.bak"]);
    });

    it("a manifest.json of another program", async () => {
        const files: Files = [
            ["mirror_000001.tar", part],
            ["site/manifest.json", text('{"name":"a web app"}')],
        ];
        expect(await folderNotes(files)).toEqual(["1 file is no archive and is left out: site/manifest.json"]);
        expect(await folderNotes([...layout(), ["manifest.json", text('{"name":"x"}')]])).toEqual([
            "1 file is no archive and is left out: manifest.json",
        ]);
    });

    it("but nothing of a Zarf package, of which a stray file is foreign", async () => {
        const files: Files = [
            ["zarf.yaml", text("kind: ZarfPackageConfig")],
            ["checksums.txt", text()],
            ["sboms.tar", asTar([["x", text()]])],
            ["components/base.tar", asTar([["x", text()]])],
            ["components/web/files/0/manifest.json", text("[]")],
            ...inFolder("images", layout()),
        ];
        expect(await folderNotes(files)).toEqual([]);
        expect((await locked([...files, ["saved.tar", dockerTar()]])).images).toEqual({
            ...APP,
            ...SAVED,
        });
    });

    it("what is no file: a socket, a pipe", async () => {
        const folder = await bench.folder([["mirror_000001.tar", part]]);
        expect(spawnSync("mkfifo", [join(folder, "pipe.tar")]).status).toBe(0);
        expect((await bench.open(folder)).warnings).toEqual([
            `${folder}: 1 file is no archive and is left out: pipe.tar`,
        ]);
    });

    it("names that a terminal would obey", async () => {
        const [note] = await folderNotes([
            ["mirror_000001.tar", part],
            ["a\u001b[2J", text()],
        ]);
        expect(note).toContain(String.raw`"a\u001b[2J"`);
    });
});

describe("folders that hold copies of what is in the archives are not looked into:", () => {
    const copies = inFolder("operator-catalogs/x/catalog-image", layout(other));

    it.each<[string, Files, RegExp]>([
        ["oc-mirror's workspace", inFolder("working-dir", copies), /working-dir\/ \(oc-mirror's workspace/],
        [
            "a workspace that only the parts beside it tell",
            [["working-dir/logs/oc-mirror.tar", dockerTar()]],
            /working-dir\/ \(oc-mirror's workspace/,
        ],
        ["its cache", [[".oc-mirror/.cache/x.tar", dockerTar()]], /\.oc-mirror\/ \(oc-mirror's cache\)/],
        [
            "the storage of a registry",
            [["cache/docker/registry/v2/blobs/sha256/aa/data", dockerTar()]],
            /cache\/docker\/registry\/v2\/ \(the storage of a registry/,
        ],
        ["a trash", [[".Trash-1000/files/old.tar", dockerTar()]], /\.Trash-1000\/ \(of the file system/],
        ["snapshots", [[".snapshot/daily/mirror_000001.tar", part]], /\.snapshot\/ \(of the file system/],
    ])("%s", async (_, files, note) => {
        for (const folder of ["", "2026-11/"]) {
            const all = [["mirror_000001.tar", part] as const, ...files].map(
                ([name, bytes]) => [`${folder}${name}`, bytes] as const,
            );
            const { archive, images } = await locked(all);
            expect(images).toEqual(APP);
            expect(archive.parts).toEqual([{ name: "mirror_000001.tar", size: part.length }]);
            expect(archive.warnings).toEqual([expect.stringMatching(note)]);
            expect(archive.warnings[0]).toContain("1 folder is not looked into and is left out: ");
        }
    });

    it("what cannot be listed by the user, as the lost+found of a medium", async () => {
        const folder = await bench.folder([["mirror_000001.tar", part]]);
        await mkdir(join(folder, "lost+found"), { mode: 0 });
        expect((await bench.open(folder)).warnings).toEqual([
            expect.stringContaining("lost+found/ (of the file system"),
        ]);
    });

    it("a workspace alone is refused, also by its own path; a pattern that matches it names it", async () => {
        const folder = await bench.folder([...inFolder("working-dir", copies), ["run/mirror_000001.tar", part]]);
        const alone = await bench.folder(inFolder("working-dir", copies));
        expect((await refusal(openArchive(alone))).message).toMatch(
            /no image archive is recognised here, only working-dir\/ \(oc-mirror's workspace/,
        );
        expect((await refusal(openArchive(join(alone, "working-dir")))).message).toContain(
            "this is oc-mirror's workspace",
        );
        const archive = await bench.open(join(folder, "*"));
        expect(archive.parts).toHaveLength(1);
        expect(archive.warnings).toEqual([
            expect.stringContaining(`${folder}/working-dir is left out: it is oc-mirror's`),
        ]);
    });

    it("a user's own folder of that name is none", async () => {
        expect((await locked(inFolder("working-dir", layout()))).images).toEqual(APP);
    });
});
