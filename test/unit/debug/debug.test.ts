import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { PROJECT } from "../../support/stack";

/** Runs code with the module as `log`, in a process with this selection. */
function run(selection: string | undefined, code: string, more: NodeJS.ProcessEnv = {}) {
    const program = `const log = require(${JSON.stringify(join(PROJECT, "dist/lib/debug/debug.js"))}); ${code}`;
    const { stdout, stderr } = spawnSync(process.execPath, ["--eval", program], {
        env: { PATH: process.env.PATH, REGISTRY_PASSTHROUGH_DEBUG: selection, ...more },
        encoding: "utf8",
    });
    return { out: stdout, error: stderr };
}

const LOADED = 'console.log(Object.keys(require.cache).some((file) => file.includes("node_modules/debug/")));';

test.each([undefined, "", "-http"])("off, no line is made and the package is not loaded: %s", (selection) => {
    const { out, error } = run(selection, `log.debug("http", () => { throw new Error("made"); }); ${LOADED}`);
    expect({ out, error }).toEqual({ out: "false\n", error: "" });
});

test.each([
    ["http", ["http"]],
    ["http, plan", ["http", "plan"]],
    ["*", ["http", "retry", "plan", "transfer", "archive", "provider"]],
    ["*,-http,-archive", ["retry", "plan", "transfer", "provider"]],
])("%s selects %s", (selection, areas) => {
    const code = 'for (const area of log.AREAS) { log.debug(area, () => "line"); console.log(log.isDebugging(area)); }';
    const { out, error } = run(selection, code);
    expect([...error.matchAll(/^\S+Z registry-passthrough:(\w+) line$/gm)].map(([, area]) => area)).toEqual(areas);
    expect(out.split("\n").filter((line) => line === "true")).toHaveLength(areas.length);
});

test("an area that does not exist is named", () => {
    expect(run("http,htpp", "").error).toBe(
        'warning: REGISTRY_PASSTHROUGH_DEBUG names htpp; write a list of "*" or of http, retry, plan, transfer, archive, provider\n',
    );
});

test("a text of a registry stays one line, steers no terminal, and formats nothing", () => {
    const { error } = run("http", 'log.debug("http", () => "a %s %o\\r\\n2026 b\\u001b[2J\\u2028c");');
    expect(error).toMatch(/^\S+ registry-passthrough:http a %s %o 2026 b \[2J c\n$/);
});

test("every line passes the filter", () => {
    const code = 'log.filterLines((line) => line.replace("canary", "[secret]")); log.debug("plan", () => "a canary");';
    expect(run("plan", code).error).toMatch(/ a \[secret\]\n$/);
});

test("DEBUG, which other packages go by, stays as it is", () => {
    const code = `console.log(process.env.DEBUG, require("debug")("other").enabled, require("debug")("else").enabled);`;
    const inProject = `process.chdir(${JSON.stringify(PROJECT)}); module.paths.push(${JSON.stringify(join(PROJECT, "node_modules"))});`;
    expect(run("http", `${inProject} ${code}`, { DEBUG: "other" }).out).toBe("other true false\n");
});
