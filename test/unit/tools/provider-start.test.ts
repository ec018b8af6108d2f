import { execFileSync } from "node:child_process";
import { join } from "node:path";
import * as packageJson from "../../../package.json";

const project = join(__dirname, "..", "..", "..");
const engine = join(project, "tools", "engine");

/** What a Node.js process says that runs the code after what is loaded before a provider. */
function says(code: string): unknown {
    const print = `(async () => console.log(JSON.stringify(${code})))()`;
    const args = ["--require", join(engine, "parts-when-used.cjs"), "-e", print];
    return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8", cwd: engine }));
}

const isLoaded = (part: string) => `Object.keys(require.cache).some((file) => file.includes(${JSON.stringify(part)}))`;
const COMPILER = isLoaded("/typescript.js");
const NPM = isLoaded("@npmcli/arborist/lib/arborist");

test("Pulumi's runtime is loaded without the parts that serialize closures, and has them where something asks for them", () => {
    const runtime = 'typeof require("@pulumi/pulumi").runtime.serializeProperties';
    expect(says(`[${runtime}, ${COMPILER}, ${NPM}]`)).toEqual(["function", false, false]);
    const compiler = 'typeof require("@pulumi/pulumi/typescript-shim").createSourceFile';
    expect(says(`[${runtime}, ${compiler}, ${COMPILER}, ${NPM}]`)).toEqual(["function", "function", true, false]);
});

test.each([
    [
        "Pulumi's Automation API",
        "@pulumi/pulumi/automation/stack",
        'typeof require("@pulumi/pulumi").automation.LocalWorkspace',
    ],
    ["the languages of zod", "zod/v4/locales/de.cjs", 'typeof require("zod").locales.de'],
    [
        "tracing",
        "@opentelemetry/exporter-zipkin/build/src/zipkin.js",
        'typeof require("@opentelemetry/exporter-zipkin").ZipkinExporter',
    ],
])("%s is loaded when something of it is read", (_, part, use) => {
    const program = 'typeof require("@pulumi/pulumi/cmd/run/tracing").start + typeof require("zod").object';
    expect(says(`[${program}, ${isLoaded(part)}]`)).toEqual(["functionfunction", false]);
    expect(says(`[${program}, ${use}, ${isLoaded(part)}]`)).toEqual(["functionfunction", "function", true]);
});

test("what a part exports can be listed, spread and told apart", () => {
    const yaml = 'require("@pulumi/pulumi"); const yaml = require("js-yaml")';
    const listed = '[Object.keys(yaml).includes("load"), typeof { ...yaml }.load, "load" in yaml, "prototype" in yaml]';
    expect(says(`(() => { ${yaml}; return ${listed}; })()`)).toEqual([true, "function", true, true]);
});

test("a program may serialize closures all the same", () => {
    const named =
        'new (require("@npmcli/arborist"))({ path: process.cwd() }) && "Arborist" in require("@npmcli/arborist")';
    expect(says(`[${named}, ${NPM}]`)).toEqual([true, true]);
    const packages = 'await require("@pulumi/pulumi").runtime.computeCodePaths({ extraIncludePackages: [] })';
    expect(says(`[typeof (${packages}).get, ${NPM}]`)).toEqual(["function", true]);
    const serialized = 'await require("@pulumi/pulumi").runtime.serializeFunction(() => 1)';
    expect(says(`[(${serialized}).text.includes("=> 1"), ${COMPILER}]`)).toEqual([true, true]);
});

test("Pulumi starts the program that looks at the sources first, and Node.js finds the compiled one", () => {
    const { main, exports } = packageJson as { main: string; exports: Record<string, { default?: string }> };
    // As the SDK's cmd/run chooses: the default of `exports`, which goes before `main`.
    expect(exports["."]?.default).toBe(`./${main}`);
    expect(says('require.resolve("registry-passthrough")')).toBe(join(project, "dist", "index.js"));
});
