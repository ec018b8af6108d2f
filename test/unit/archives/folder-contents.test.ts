import { readdirSync, readlinkSync } from "node:fs";
import { link, symlink } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describeArchive, openArchive } from "../../../lib/archives";
import { refusal, tar } from "../../support/archives";
import {
    APP,
    type Files,
    OTHER,
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
    saved,
    text,
} from "../../support/archive-folders";
import { docker24 } from "../../support/docker-archives";

const FIXTURES = join(__dirname, "../../fixtures/archives");
afterEach(() => bench.clear());

describe("all archives in a folder are read:", () => {
    it("what docker saved beside an oc-mirror archive (both written by the real tools)", async () => {
        const beside = join(FIXTURES, "beside");
        const error = await refusal(describeArchive(await bench.open(beside), []));
        const name = "docker.io/library/nginx:1.27";
        expect(error.message).toContain(
            `in ${beside}/docker-nginx.tar, but in ${beside}/mirror_000001.tar the same name`,
        );
        expect(error.fix).toContain("make them two sets, each with the path of its own archive");
        const [mirror, docker] = [await locked(beside, "mirror_*.tar"), await locked(beside, "docker-nginx.tar")];
        expect(mirror.images).toHaveProperty([name]);
        expect(docker.images).toHaveProperty([name]);
        expect(Object.keys(mirror.images)).toHaveLength(5);
    });

    it.each<[string, Files, object, string[], string]>([
        [
            "a tar beside parts of oc-mirror",
            [
                ["mirror_000001.tar", part],
                ["docker.tar", dockerTar()],
            ],
            { ...APP, ...SAVED },
            ["docker.tar", "mirror_000001.tar"],
            "mixed",
        ],
        [
            "a layout beside two tars, one of them compressed",
            [
                ...inFolder("layout", layout()),
                ["docker.tar", dockerTar()],
                ["other.tar.gz", gzipSync(asTar(layout(other)))],
            ],
            { ...APP, ...SAVED, ...OTHER },
            ["docker.tar", "layout/index.json", "other.tar.gz"],
            "mixed",
        ],
        [
            "in folders below it, at any depth",
            [
                ["2026-11/run/mirror_000001.tar", part],
                ["a/b/c.tar", dockerTar()],
                ...inFolder("a/layout", layout(other)),
            ],
            { ...APP, ...SAVED, ...OTHER },
            ["a/layout/index.json", "c.tar", "mirror_000001.tar"],
            "mixed",
        ],
        [
            "in a folder that is a layout itself",
            [...layout(), ["extra.tar", dockerTar()], ["sub/other.tar", asTar(layout(other))]],
            { ...APP, ...SAVED, ...OTHER },
            ["extra.tar", "index.json", "other.tar"],
            "mixed",
        ],
        [
            "in a folder that is an unpacked docker save, whose layers are tars as well",
            [
                ...docker24([{ image: saved, tags: ["quay.io/org/saved:1"] }]).map(
                    ({ name, body }) => [name, Buffer.from(body ?? "")] as const,
                ),
                [`${"a".repeat(64)}/layer.tar`, asTar([["x", text()]])],
                ["app.tar", asTar(layout())],
            ],
            { ...APP, ...SAVED },
            ["app.tar", "manifest.json"],
            "mixed",
        ],
        [
            "a layout in a layout's folder",
            [...layout(), ...inFolder("more", layout(other))],
            { ...APP, ...OTHER },
            ["index.json", "more/index.json"],
            "oci-layout",
        ],
        [
            "without an ending, and in an old tar without magic",
            [
                ["app", asTar(layout())],
                [".saved", dockerTar()],
                ["v7", oldTar()],
            ],
            { ...APP, ...SAVED, ...OTHER },
            [".saved", "app", "v7"],
            "mixed",
        ],
        [
            "pieces of a split file, beside another archive",
            [
                ...[0, 1, 2].map(
                    (at) => [`app.tar.a${"abc"[at]}`, asTar(layout()).subarray(at * 3000, (at + 1) * 3000)] as const,
                ),
                ["saved.tar", dockerTar()],
            ],
            { ...APP, ...SAVED },
            ["app.tar.aa", "app.tar.ab", "app.tar.ac", "saved.tar"],
            "mixed",
        ],
    ])("%s", async (_, files, images, parts, format) => {
        const found = await locked(files);
        expect(found.images).toEqual(images);
        expect([...found.parts].sort()).toEqual(parts);
        expect(found.archive.format).toBe(format);
        expect(found.archive.warnings.filter((warning) => warning.includes("left out"))).toEqual([]);
    });

    it("each once, by however many paths, links and patterns it is found", async () => {
        const folder = await bench.folder([
            ["docker.tar", dockerTar()],
            ["sub/app.tar", asTar(layout())],
            ...inFolder("layout", layout(other)),
        ]);
        await symlink("docker.tar", join(folder, "latest.tar"));
        await link(join(folder, "sub/app.tar"), join(folder, "same.tar"));
        await symlink("sub", join(folder, "current"));
        const images = { ...APP, ...SAVED, ...OTHER };
        const alone = await locked(folder);
        expect(alone.images).toEqual(images);
        expect(alone.archive.parts).toHaveLength(3);
        // As whoever noticed that the tar was left out had it in the configuration.
        const given = [folder, join(folder, "docker.tar"), join(folder, "layout"), join(folder, "sub/*")];
        const archive = await bench.open(given);
        const { lock } = await describeArchive(archive, []);
        expect(lock.images).toEqual(images);
        expect(lock.parts.map(({ name }) => name)).toEqual(["app.tar", "docker.tar", "index.json"]);
        expect((await bench.open(join(folder, "s*"))).parts.map(({ name }) => name)).toEqual(["same.tar"]);
    });

    it("with a piece that is given by its own path as well", async () => {
        const bytes = asTar(layout());
        const folder = await bench.folder([
            ["app.tar.aa", bytes.subarray(0, 4096)],
            ["app.tar.ab", bytes.subarray(4096)],
        ]);
        const archive = await bench.open([folder, join(folder, "app.tar.ab")]);
        expect(archive.parts.map(({ name }) => name)).toEqual(["app.tar.aa", "app.tar.ab"]);
    });

    it("as locks have them already where nothing lies beside: parts, format and images", async () => {
        expect((await locked([["mirror_000001.tar", part]])).archive.parts).toEqual([
            { name: "mirror_000001.tar", size: part.length },
        ]);
        for (const name of ["skopeo/sync", "crane/layout", "skopeo/dir/.."]) {
            const archive = await openArchive(join(FIXTURES, name));
            await archive.close();
            expect(archive.warnings.filter((warning) => warning.includes("left out"))).toEqual([]);
        }
    });
});

/** As V7 tar wrote them: no magic, the checksum alone tells. */
function oldTar(): Buffer {
    return tar(layout(other).map(([name, body]) => ({ name, body, magic: "\0".repeat(8) })));
}

it("keeps no file open that holds no image", async () => {
    const folder = await bench.folder([
        ["mirror_000001.tar", part],
        ["chart.tgz", chart],
        ["client.tar", asTar([["oc", text()]])],
    ]);
    const archive = await openArchive(folder);
    const open = readdirSync("/proc/self/fd").map((fd) => {
        try {
            return readlinkSync(`/proc/self/fd/${fd}`);
        } catch {
            return "";
        }
    });
    await archive.close();
    const own = open.filter((link) => link.startsWith(folder) || link.includes(".registry-passthrough-"));
    expect(own).toEqual([join(folder, "mirror_000001.tar")]);
});
