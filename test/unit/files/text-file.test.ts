import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readTextFile } from "../../../lib/files/text-file";

let folder = "";
const inFolder = (name: string) => join(folder, name);

beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "text-file-"));
});
afterAll(() => {
    rmSync(folder, { recursive: true });
});

test("reads a file, one behind a link, and one that claims no size", () => {
    writeFileSync(inFolder("text"), `${"ä".repeat(1024 * 1024)}\n`);
    symlinkSync("text", inFolder("link"));
    expect(readTextFile(inFolder("text"))).toBe(`${"ä".repeat(1024 * 1024)}\n`);
    expect(readTextFile(inFolder("link"))).toHaveLength(1024 * 1024 + 1);
    expect(readTextFile("/proc/self/status")).toContain("Name:");
});

test("what is no file is not opened, and named", () => {
    execFileSync("mkfifo", [inFolder("pipe")]);
    symlinkSync("/dev/zero", inFolder("zero"));
    expect(() => readTextFile(inFolder("pipe"))).toThrow(`${inFolder("pipe")} is a pipe, not a file`);
    expect(() => readTextFile(inFolder("zero"))).toThrow(`${inFolder("zero")} is a device, not a file`);
    expect(() => readTextFile(folder)).toThrow(`${folder} is a folder, not a file`);
    expect(() => readTextFile(inFolder("gone"))).toThrow("ENOENT");
});

test("a file with more bytes than are wanted is left", () => {
    writeFileSync(inFolder("long"), "x".repeat(2000));
    expect(readTextFile(inFolder("long"), 2000)).toHaveLength(2000);
    expect(() => readTextFile(inFolder("long"), 1999)).toThrow(`${inFolder("long")} is larger than 1999 bytes`);
    writeFileSync(inFolder("longer"), Buffer.alloc(2 * 1024 * 1024 + 1));
    expect(() => readTextFile(inFolder("longer"), 2 * 1024 * 1024)).toThrow(/longer is larger than 2 MiB$/);
});
