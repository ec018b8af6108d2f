import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeFolder } from "../../../lib/files/make-folder";

let folder: string;

beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "make folder "));
});

afterEach(() => {
    rmSync(folder, { recursive: true });
});

test("folders that do not exist are made, and one that exists stays", async () => {
    const path = join(folder, "a", "b", "c");
    await Promise.all([makeFolder(path), makeFolder(path)]);
    await makeFolder(path);
    expect(statSync(path).isDirectory()).toBe(true);
});

test("a file in the way is an error", async () => {
    writeFileSync(join(folder, "file"), "");
    await expect(makeFolder(join(folder, "file"))).rejects.toMatchObject({ code: "EEXIST" });
    await expect(makeFolder(join(folder, "file", "below"))).rejects.toMatchObject({ code: "ENOTDIR" });
});

test.each(["/proc/none", "/proc/none/below"])("a place where nothing can be made is an error: %s", async (path) => {
    await expect(makeFolder(path)).rejects.toMatchObject({ code: "ENOENT" });
});
