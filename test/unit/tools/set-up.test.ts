import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { inModule } from "./script-module";

const LOCK = {
    packages: {
        "": {},
        "node_modules/a": { version: "1.0.0" },
        "node_modules/b": { version: "1.0.0", optional: true },
    },
};
let root: string;

beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "set up "));
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function file(path: string, text: string): void {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
}

async function call(script: string, name: string, env: NodeJS.ProcessEnv = {}) {
    const body = `const progress = { note() {}, beat: (_, work) => work() }; return m.${name}(input, progress);`;
    return inModule(script, body, root, env);
}

test.each([
    ["20.18.1", true],
    ["20.18.0", false],
    ["18.20.8", false],
    ["22.0.0", true],
    ["24.1.0", true],
])("Node.js %s is enough: %s", async (version, enough) => {
    const { error } = await inModule("dependencies.mjs", "m.checkNode(input);", version);
    expect(error === undefined).toBe(enough);
    if (!enough) expect(error).toContain(`20.18.1 or newer is needed, 24 is recommended; this is ${version}`);
});

/** Counts its calls, and installs nothing. */
function fakeNpm(): NodeJS.ProcessEnv {
    file("bin/npm", `#!/bin/sh\necho "$@" >> '${join(root, "npm.log")}'\nmkdir -p node_modules\n`);
    chmodSync(join(root, "bin/npm"), 0o755);
    return { PATH: `${join(root, "bin")}:${process.env["PATH"] ?? ""}`, npm_execpath: "" };
}

test("packages are installed once for each lock file", async () => {
    const env = fakeNpm();
    file("package-lock.json", JSON.stringify(LOCK));
    expect((await call("dependencies.mjs", "ensureDependencies", env)).value).toBe(true);
    expect((await call("dependencies.mjs", "ensureDependencies", env)).value).toBe(false);
    file("package-lock.json", `${JSON.stringify(LOCK)}\n`);
    expect((await call("dependencies.mjs", "ensureDependencies", env)).value).toBe(true);
    expect(readFileSync(join(root, "npm.log"), "utf8").split("\n")).toHaveLength(3);
    expect(readFileSync(join(root, "npm.log"), "utf8")).toContain(
        `ci --prefix ${root} --ignore-scripts --no-audit --no-fund --include=dev`,
    );
});

test("packages that npm ci installed before count, unless a version is another one", async () => {
    const env = fakeNpm();
    file("package-lock.json", JSON.stringify(LOCK));
    file("node_modules/.package-lock.json", JSON.stringify({ packages: { "node_modules/a": { version: "1.0.0" } } }));
    expect((await call("dependencies.mjs", "ensureDependencies", env)).value).toBe(false);
    rmSync(join(root, "node_modules/.package-lock.sha256"));
    file("node_modules/.package-lock.json", JSON.stringify({ packages: { "node_modules/a": { version: "0.9.0" } } }));
    expect((await call("dependencies.mjs", "ensureDependencies", env)).value).toBe(true);
});

const COMPILER =
    "require('node:fs').appendFileSync('compiled.log', 'x'); process.exitCode = Number(process.env.FAIL ?? 0); console.log('index.ts(1,1): error');";

test("sources are compiled when their content changes, and what a removed one left is removed", async () => {
    file("node_modules/typescript/bin/tsc", COMPILER);
    file("index.ts", "1");
    file("lib/x.ts", "1");
    file("dist/lib/x.js", "");
    file("dist/lib/gone.js", "");
    expect((await call("build.mjs", "ensureBuild")).value).toBe(true);
    expect((await call("build.mjs", "ensureBuild")).value).toBe(false);
    expect([existsSync(join(root, "dist/lib/x.js")), existsSync(join(root, "dist/lib/gone.js"))]).toEqual([
        true,
        false,
    ]);
    file("lib/x.ts", "2");
    expect((await call("build.mjs", "ensureBuild")).value).toBe(true);
    expect(readFileSync(join(root, "compiled.log"), "utf8")).toBe("xx");
});

test("a failed compilation is told, and tried again the next time", async () => {
    file("node_modules/typescript/bin/tsc", COMPILER);
    file("index.ts", "1");
    expect((await call("build.mjs", "ensureBuild", { FAIL: "2" })).error).toContain("index.ts(1,1): error");
    expect((await call("build.mjs", "ensureBuild")).value).toBe(true);
});

test("what the script has compared is not compared again, until something else is compiled", async () => {
    file("node_modules/@pulumi/pulumi/package.json", "{}");
    file("node_modules/.package-lock.json", JSON.stringify({ packages: {} }));
    file("package-lock.json", JSON.stringify({ packages: {} }));
    const problem = async (env: NodeJS.ProcessEnv) =>
        (await inModule("checkout.cjs", "return m.default.checkoutProblem(input) ?? 'none';", root, env)).value;
    const compared = async () =>
        (await inModule("checkout.cjs", "return m.default.comparedSources(input);", root)).value as NodeJS.ProcessEnv;
    expect(await compared()).toEqual({});
    file("dist/.sources.sha256", "of other sources\n");
    const older = expect.stringContaining("older than the sources") as unknown;
    expect(await problem({})).toEqual(older);
    const env = await compared();
    expect(await problem(env)).toBe("none");
    file("dist/.sources.sha256", "of others again\n");
    expect(await problem(env)).toEqual(older);
});
