import * as fs from "node:fs/promises";
import { join } from "node:path";
import { expandPaths } from "../../../lib/archives/open/archive-paths";
import { ArchiveBench, refusal } from "../../support/archives";

const bench = new ArchiveBench();
afterEach(() => bench.clear());

const EMPTY = Buffer.alloc(0);

it("a pattern passes over what is written beside archives to check them; a name means itself", async () => {
    const beside = [
        "app.tar.sha256",
        "app.tar.sha512sum",
        "SHA256SUMS",
        "SHA256SUMS.asc",
        "app.tar.md5",
        "app.tar.sig",
    ];
    const folder = await bench.folder([...beside, "app.tar", "sums.tar"].map((name) => [name, EMPTY] as const));
    expect(await expandPaths([join(folder, "*")])).toEqual([join(folder, "app.tar"), join(folder, "sums.tar")]);
    expect(await expandPaths([join(folder, "app.tar.sha256")])).toEqual([join(folder, "app.tar.sha256")]);
    expect(await refusal(expandPaths([join(folder, "*.asc")]))).toMatchObject({ code: "ARCHIVE_NOT_FOUND" });
});

it("a pattern goes through a link to a folder, and never round in a circle", async () => {
    const folder = await bench.folder({ "2026-11 ö/app.tar": EMPTY, "store/app.tar": EMPTY });
    await fs.symlink(join(folder, "store"), join(folder, "2026-12"));
    await fs.symlink(folder, join(folder, "store/up"));
    await fs.symlink("nowhere", join(folder, "2026-13"));
    expect(await expandPaths([join(folder, "2026-*/*.tar")])).toEqual([
        join(folder, "2026-11 ö/app.tar"),
        join(folder, "2026-12/app.tar"),
    ]);
    expect(await expandPaths([join(folder, "**/*.tar")])).toEqual([
        join(folder, "2026-11 ö/app.tar"),
        join(folder, "store/app.tar"),
    ]);
});

it("a pattern does not look into folders in which nothing can match, readable or not", async () => {
    const folder = await bench.folder({
        "2026-11/app.tar": EMPTY,
        "2026-11/deep/b.tar": EMPTY,
        "private/a.tar": EMPTY,
    });
    const read = jest.spyOn(fs, "readdir");
    try {
        expect(await expandPaths([join(folder, "2026-*/*.tar")])).toEqual([join(folder, "2026-11/app.tar")]);
        expect(read.mock.calls.map(([path]) => path)).toEqual([folder, join(folder, "2026-11")]);
    } finally {
        read.mockRestore();
    }
});

it("brackets, braces and exclamation marks in a pattern are characters of names", async () => {
    const folder = await bench.folder({ "!a[1]{x,y}.tar": EMPTY, "a1x.tar": EMPTY, ".hidden.tar": EMPTY });
    expect(await expandPaths([join(folder, "!a[1]{x,y}.t*")])).toEqual([join(folder, "!a[1]{x,y}.tar")]);
    expect(await expandPaths([join(folder, "*.tar")])).toHaveLength(3);
    expect(await refusal(expandPaths([join(folder, "[!b]1x*")]))).toMatchObject({ code: "ARCHIVE_NOT_FOUND" });
});
