import { readFileSync } from "node:fs";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { gzipSync } from "node:zlib";
import { type Archive, describeArchive } from "../../../lib/archives";
import { lonePiece, piecesBeside } from "../../../lib/archives/packed/piece-name";
import { ArchiveBench, refusal, tar } from "../../support/archives";
import { docker24, dockerImage } from "../../support/docker-archives";

const plain = readFileSync(join(__dirname, "../../fixtures/archives/skopeo/oci-archive.tar"));
const KEY = "quay.io/fixture/app:1";
const bench = new ArchiveBench();
afterEach(() => bench.clear());

const toImageMap = async (archive: Archive) => Object.keys((await describeArchive(archive, [])).lock.images);

/** Splits a file as people do it, with the real `split`. */
async function splitBy(bytes: Buffer, whole: string, ...args: readonly string[]): Promise<string> {
    const folder = await bench.folder({ [whole]: bytes });
    const run = spawnSync("split", args, { cwd: folder, encoding: "utf8" });
    expect(run.stderr).toBe("");
    spawnSync("rm", [whole], { cwd: folder });
    return folder;
}

it.each<[string, string[], string, string[]]>([
    ["no options", ["-b", "3000", "app.tar"], "xab", ["xaa", "xab", "xac"]],
    ["a prefix", ["-b", "3000", "app.tar", "app.tar."], "app.tar.aa", ["app.tar.aa", "app.tar.ab", "app.tar.ac"]],
    ["the name as prefix", ["-b", "5000", "app.tar", "app.tar"], "app.taraa", ["app.taraa", "app.tarab"]],
    ["-d", ["-d", "-b", "5000", "app.tar", "app.tar."], "app.tar.01", ["app.tar.00", "app.tar.01"]],
    ["-a 4", ["-a", "4", "-b", "5000", "app.tar", "app-"], "app-aaaa", ["app-aaaa", "app-aaab"]],
    ["-a 1", ["-a", "1", "-b", "5000", "app.tar", "app."], "app.b", ["app.a", "app.b"]],
    [
        "--numeric-suffixes=1",
        ["--numeric-suffixes=1", "-b", "5000", "app.tar", "app.part"],
        "app.part02",
        ["app.part01", "app.part02"],
    ],
    [
        "-n 3",
        ["-n", "3", "app.tar", "app.tar.part-"],
        "app.tar.part-ac",
        ["app.tar.part-aa", "app.tar.part-ab", "app.tar.part-ac"],
    ],
    [
        "--additional-suffix",
        ["--additional-suffix=.tar", "-d", "-b", "5000", "app.tar", "app_"],
        "app_01.tar",
        ["app_00.tar", "app_01.tar"],
    ],
])("split with %s", async (_, args, given, parts) => {
    const folder = await splitBy(plain, "app.tar", ...args);
    const archive = await bench.open(join(folder, given));
    expect(archive.parts.map(({ name }) => name)).toEqual(parts);
    expect(await toImageMap(archive)).toEqual([KEY]);
});

it.each(["one.tar.aa", "one.tar.ab", "one.tar.ac"])(
    "whose last piece begins where a tar header begins, as docker save and split wrote them: by %s",
    async (given) => {
        const folder = join(__dirname, "../../fixtures/archives/split");
        const archive = await bench.open(join(folder, given));
        expect(archive.parts.map(({ name }) => name)).toEqual(["one.tar.aa", "one.tar.ab", "one.tar.ac"]);
        expect(await toImageMap(archive)).toEqual(["docker.io/library/nginx:1.27"]);
    },
);

it("in more pieces than two letters or two digits have names for", async () => {
    const padded = Buffer.concat([plain, Buffer.alloc(512 * 690)]);
    const folder = await splitBy(padded, "app.tar", "-b", "512", "app.tar", "app.tar.");
    const archive = await bench.open(join(folder, "app.tar.aa"));
    expect(archive.parts).toHaveLength(padded.length / 512);
    expect(archive.parts.map(({ name }) => name)).toEqual(expect.arrayContaining(["app.tar.yz", "app.tar.zaaa"]));
    expect(await toImageMap(archive)).toEqual([KEY]);
    const there = new Set([
        "x88",
        "x89",
        "x9000",
        "x9001",
        ...Array.from({ length: 88 }, (_, i) => `x${String(i).padStart(2, "0")}`),
    ]);
    expect(piecesBeside("x9001", there)?.names.slice(-4)).toEqual(["x88", "x89", "x9000", "x9001"]);
});

it.each<[string, string[]]>([
    ["Hauler's older chunks", ["haul_0.tar.gz", "haul_1.tar.gz"]],
    [".part1, as many as there are", Array.from({ length: 11 }, (_, i) => `app.tar.gz.part${i + 1}`)],
])("%s", async (_, names) => {
    const gz = gzipSync(plain);
    const size = Math.ceil(gz.length / names.length);
    const pieces = names.map((name, i): [string, Buffer] => [name, gz.subarray(i * size, (i + 1) * size)]);
    const archive = await bench.openFiles(pieces, names.at(-1));
    expect(archive.parts.map(({ name }) => name)).toEqual(names);
    expect(await toImageMap(archive)).toEqual([KEY]);
});

describe("a file is no piece for its name alone", () => {
    const other = tar(docker24([{ image: dockerImage("other"), tags: ["quay.io/org/other:1"] }]));
    const OTHER = "quay.io/org/other:1";

    it.each<[string, Record<string, Buffer>]>([
        ["numbers", { "app-1": plain, "app-2": other }],
        ["numbers of three digits", { "app.001": plain, "app.002": other }],
        ["letters", { "site.aa": plain, "site.ab": other }],
        ["compressed", { "site.1": gzipSync(plain), "site.2": gzipSync(other) }],
        ["with an ending", { "image_1.tar": plain, "image_2.tar": other }],
    ])("two archives with %s", async (_, files) => {
        const folder = await bench.folder(files);
        expect(await toImageMap(await bench.open(join(folder, "*")))).toEqual([KEY, OTHER].sort());
    });

    it("nor where the one before it is cut", async () => {
        const folder = await bench.folder({ "app.1": plain.subarray(0, 3000), "app.2": other, "app.9": other });
        for (const name of ["app.2", "app.9"])
            expect(await toImageMap(await bench.open(join(folder, name)))).toEqual([OTHER]);
        const cut = await refusal(bench.open(join(folder, "app.1")));
        expect(cut.code).toBe("ARCHIVE_TRUNCATED");
    });

    it("a lone one that is whole is read as it is", async () => {
        expect(await toImageMap(await bench.openFiles({ "app.tar.aa": plain }, "app.tar.aa"))).toEqual([KEY]);
        expect(await toImageMap(await bench.openFiles({ "app.002": plain }, "app.002"))).toEqual([KEY]);
    });

    it.each(["app.tar", "app.ar", "oci-archive", "release.4.18.tgz", "base"])("%s has no such name", (name) => {
        expect(lonePiece(name)).toBeUndefined();
        expect(piecesBeside(name, new Set([name, "other.tar", "README"]))).toBeUndefined();
    });
});

describe("what is missing is named", () => {
    it.each<[string, string[], string, string]>([
        ["in the middle", ["app.tar.aa", "app.tar.ac"], "app.tar.aa", "the piece app.tar.ab is missing"],
        ["before the one that is given", ["app.tar.aa", "app.tar.ac"], "app.tar.ac", "the piece app.tar.ab is missing"],
        ["of numbers", ["app.tar.00", "app.tar.02"], "app.tar.00", "the piece app.tar.01 is missing"],
        ["behind a lone first one", ["app.tar.aa"], "app.tar.aa", "the others are not here (app.tar.ab)"],
        ["before a lone one", ["app.tar.ac"], "app.tar.ac", "the others are not here (app.tar.aa)"],
        ["before a lone one that says so", ["app.tar.part3"], "app.tar.part3", "the piece app.tar.part1 is missing"],
        [
            "at the end",
            ["app.tar.aa", "app.tar.ab"],
            "app.tar.ab",
            "if there is another piece, app.tar.ac, it is not here",
        ],
    ])("%s", async (_, names, given, what) => {
        const at = { aa: 0, "00": 0, ab: 1, ac: 2, "02": 2, part3: 2 } as Record<string, number>;
        const readPiece = (name: string) =>
            plain.subarray((at[name.split(".").at(-1) ?? ""] ?? 0) * 3000).subarray(0, 3000);
        const folder = await bench.folder(names.map((name): [string, Buffer] => [name, readPiece(name)]));
        const error = await refusal(bench.open(join(folder, given)));
        expect(error.message).toContain(what);
        expect(error.message).toContain("copy all pieces");
    });
});

it("what is there is not named as missing, where pieces do not fit together", async () => {
    // The second piece is of another file, or was cut at another size.
    const pieces = { "app.tar.aa": plain.subarray(0, 3000), "app.tar.ab": plain.subarray(3000, 9000) };
    const folder = await bench.folder({ ...pieces, "app.tar.ac": plain.subarray(9000, 12000) });
    for (const given of ["app.tar.aa", "app.tar.ab", "app.tar.ac"]) {
        const { message } = await refusal(bench.open(join(folder, given)));
        const others = ["app.tar.aa", "app.tar.ab", "app.tar.ac"].filter((name) => name !== given).join(", ");
        expect(message).toContain(`the files beside it (${others}) do not make one archive with it`);
        expect(message).toContain("(app.tar.ad is not here)");
        expect(message).not.toMatch(/app\.tar\.a[abc]\)? (is|are) (missing|not here)|not here \(app\.tar\.a[abc]\)/);
    }
});

describe("what a neighbour is", () => {
    const other = readFileSync(join(__dirname, "../../fixtures/archives/skopeo/oci-archive.tar"));
    const trailing = Buffer.concat([plain, Buffer.from("more")]);
    const hostile = tar([{ name: "../../etc/passwd", body: "x" }], { end: false });
    const noEnd = plain.subarray(0, plain.length - 1024);

    it.each<[string, Record<string, Buffer>, string]>([
        ["bytes behind the end of the first", { "rel-1.0.tar": trailing, "rel-1.1.tar": other }, "rel-1.1.tar"],
        ["bytes behind the end, by number", { "img.1": trailing, "img.2": other }, "img.2"],
        ["a compressed one before it", { "app-1.tar": gzipSync(plain), "app-2.tar": other }, "app-2.tar"],
        ["a compressed one, alone", { "app-1.tar": gzipSync(plain), "app-2.tar": other }, "app-1.tar"],
        ["a text behind it", { x1: gzipSync(plain), x2: Buffer.from("notes\n") }, "x1"],
        ["a larger file behind it", { "a.aa": gzipSync(plain), "a.ab": Buffer.alloc(100_000, "x") }, "a.aa"],
        ["a refused one before it", { "app1.tar": Buffer.concat([hostile, plain]), "app2.tar": other }, "app2.tar"],
        ["none: no end mark, then a whole tar", { "app-1.tar": noEnd, "app-2.tar": other }, "app-2.tar"],
    ])("%s: it is an archive of its own", async (_, files, given) => {
        const archive = await bench.open(join(await bench.folder(files), given));
        expect(archive.parts.map(({ name }) => name)).toEqual([given]);
        expect(await toImageMap(archive)).toEqual([KEY]);
    });

    it("a link to a file is a piece as the file is", async () => {
        const folder = await bench.folder({ "app.tar.aa": plain.subarray(0, 5000), elsewhere: plain.subarray(5000) });
        expect(spawnSync("ln", ["-s", "elsewhere", join(folder, "app.tar.ab")]).status).toBe(0);
        expect(await toImageMap(await bench.open(join(folder, "app.tar.aa")))).toEqual([KEY]);
    });

    it.each<[string, (folder: string) => readonly string[]]>([
        ["a FIFO", (folder) => ["mkfifo", join(folder, "app-1.tar")]],
        ["a folder", (folder) => ["mkdir", join(folder, "app-1.tar")]],
        ["a link to nothing", (folder) => ["ln", "-s", "gone", join(folder, "app-1.tar")]],
    ])("%s is no piece", async (_, commandOf) => {
        const folder = await bench.folder({ "app-2.tar": plain });
        const [command = "", ...args] = commandOf(folder);
        expect(spawnSync(command, args).status).toBe(0);
        expect(await toImageMap(await bench.open(join(folder, "app-2.tar")))).toEqual([KEY]);
    });
});
