import { spawnSync } from "node:child_process";
import {
    accessSync,
    chmodSync,
    constants,
    copyFileSync,
    cpSync,
    existsSync,
    mkdirSync,
    mkdtempSync,
    readdirSync,
    realpathSync,
    rmSync,
    writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { FreshClone } from "../support/fresh-clone";
import { PROJECT } from "../support/stack";

jest.setTimeout(300_000);

const COMMANDS = [
    ["run", "up"],
    ["run", "quickstart"],
    ["run", "passthrough", "--", "plan"],
];

/** A checkout with packages and compiled code, as its owner has prepared it. */
let clone: FreshClone;
/** Tools that every user may run: those of this checkout are in a folder that only its owner can read. */
let bin: string;

beforeAll(() => {
    bin = mkdtempSync(join(tmpdir(), "bin "));
    chmodSync(bin, 0o755);
    for (const tool of ["pulumi", "pulumi-language-nodejs", "registry"]) copyFileSync(onPath(tool), join(bin, tool));
});

afterAll(() => rmSync(bin, { recursive: true, force: true }));

beforeEach(() => {
    clone = new FreshClone();
    chmodSync(clone.folder, 0o755);
    cpSync(join(PROJECT, "dist"), join(clone.folder, "dist"), { recursive: true });
    const linked = spawnSync("cp", ["-al", join(PROJECT, "node_modules"), join(clone.folder, "node_modules")]);
    expect(linked.status).toBe(0);
});

afterEach(() => clone.remove());

function onPath(program: string): string {
    const files = (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, program));
    const found = files.find((file) => isExecutable(file));
    if (found === undefined) throw new Error(`there is no ${program} on PATH`);
    return found;
}

function isExecutable(file: string): boolean {
    try {
        accessSync(file, constants.X_OK);
        return true;
    } catch {
        return false;
    }
}

interface Outcome {
    readonly code: number | null;
    /** What the script printed about the problem: its lines on stderr, without npm's own. */
    readonly problem: readonly string[];
}

/** Runs npm in the checkout through another command. */
function npm(args: readonly string[], through: readonly string[]): Outcome {
    const [command = "", ...before] = through;
    const path = [bin, dirname(realpathSync(process.execPath)), "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin"];
    const env = {
        PATH: path.join(delimiter),
        HOME: "/nonexistent",
        npm_config_update_notifier: "false",
    };
    const run = spawnSync(command, [...before, "npm", ...args], { cwd: clone.folder, env, encoding: "utf8" });
    const lines = run.stderr.split("\n").filter((line) => line !== "" && !line.startsWith("npm "));
    return { code: run.status, problem: lines };
}

const asOther = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
/** In a mount namespace of its own, where the checkout is a read-only file system. */
const readOnly = () => {
    const script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && cd "$0" && exec "$@"';
    return ["unshare", "--mount", "sh", "-c", script, clone.folder];
};

test.each(COMMANDS)(
    "a user who may not write the checkout gets one line with the path and the fix: npm %s %s",
    (...args) => {
        const before = readdirSync(clone.folder);
        const { code, problem } = npm(args, asOther);
        expect(code).toBe(1);
        expect(problem).toEqual([expect.stringMatching(/\/\.local(\/dev)? cannot be written \(EACCES\)/)]);
        expect(problem[0]).toContain("Use a checkout that you can write");
        expect(readdirSync(clone.folder)).toEqual(before);
    },
);

test.each(COMMANDS)("on a read-only file system, too: npm %s %s", (...args) => {
    const { code, problem } = npm(args, readOnly());
    expect(code).toBe(1);
    expect(problem).toEqual([expect.stringMatching(/\/\.local(\/dev)? cannot be written \(EROFS\)/)]);
    expect(existsSync(join(clone.folder, ".local"))).toBe(false);
});

test.each(COMMANDS)("packages or compiled code that are missing are no other error: npm %s %s", (...args) => {
    rmSync(join(clone.folder, "dist"), { recursive: true });
    const { code, problem } = npm(args, asOther);
    expect(code).toBe(1);
    expect(problem).toEqual([expect.stringContaining(`${join(clone.folder, "dist")} cannot be written (EACCES)`)]);
});

test("a file of another user that cannot be read is not called read-only", () => {
    const local = join(clone.folder, ".local");
    mkdirSync(local);
    spawnSync("chown", ["65534:65534", local]);
    mkdirSync(join(local, "dev"), { mode: 0o755 });
    writeFileSync(join(local, "dev/Pulumi.dev.yaml"), "config: {}\n", { mode: 0o600 });
    const { code, problem } = npm(["run", "passthrough", "--", "plan"], asOther);
    expect(code).toBe(1);
    expect(problem).toEqual([expect.stringContaining("Pulumi.dev.yaml cannot be read (EACCES)")]);
});
