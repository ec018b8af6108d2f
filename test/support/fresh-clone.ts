import { spawnSync } from "node:child_process";
import {
    appendFileSync,
    chmodSync,
    cpSync,
    lstatSync,
    mkdirSync,
    mkdtempSync,
    readFileSync,
    readlinkSync,
    rmSync,
    symlinkSync,
    writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { PROJECT } from "./stack";

/** The files of this checkout as git has them, changes included, in a folder of their own: no packages, no `dist/`. */
export class FreshClone {
    readonly folder = mkdtempSync(join(tmpdir(), "clone "));

    constructor() {
        const files = run("git", ["-C", PROJECT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        for (const file of files.split("\0").filter((name) => name !== "" && !name.startsWith("test/"))) {
            const target = join(this.folder, file);
            mkdirSync(dirname(target), { recursive: true });
            const source = join(PROJECT, file);
            // The link of the example of a site repository leads nowhere here, which cpSync does not copy.
            if (lstatSync(source).isSymbolicLink()) symlinkSync(readlinkSync(source), target);
            else cpSync(source, target);
        }
    }

    /** A PATH whose npm puts this checkout's packages in place of what it would download, and prints its arguments. */
    pathWithLocalNpm(): string {
        const bin = join(this.folder, ".local/fake-bin");
        mkdirSync(bin, { recursive: true });
        const copy = `cp -al '${join(PROJECT, "node_modules")}' '${join(this.folder, "node_modules")}'`;
        writeFileSync(join(bin, "npm"), `#!/bin/sh\ncase "$1" in install|ci) ${copy};; esac\necho "npm $*"\n`);
        chmodSync(join(bin, "npm"), 0o755);
        return [bin, process.env["PATH"]].join(delimiter);
    }

    build(): void {
        run(process.execPath, [join(this.folder, "tools/compile.mjs")]);
    }

    append(file: string, text: string): void {
        appendFileSync(join(this.folder, file), text);
    }

    replace(file: string, from: RegExp, to: string): void {
        const before = readFileSync(join(this.folder, file), "utf8");
        const after = before.replace(from, to);
        if (after === before) throw new Error(`${file} has no ${String(from)}`);
        writeFileSync(join(this.folder, file), after);
    }

    remove(): void {
        rmSync(this.folder, { recursive: true, force: true });
    }
}

function run(command: string, args: readonly string[]): string {
    const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
    if (status !== 0) throw new Error(`${command} ${args.join(" ")}: exit ${status}\n${stderr}`);
    return stdout;
}
