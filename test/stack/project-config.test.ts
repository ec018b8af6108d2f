import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configuredMirrorBase } from "../../cli/stack/stack-file";

jest.setTimeout(300_000);

/** What `registry-passthrough:defaults` may look like in Pulumi.yaml, and some forms that Pulumi rejects. */
const FORMS: readonly (readonly [form: string, config: object])[] = [
    ["value", { "registry-passthrough:defaults": { value: base("a") } }],
    ["default", { "registry-passthrough:defaults": { default: base("b") } }],
    ["type and default", { "registry-passthrough:defaults": { type: "object", default: base("c") } }],
    ["no namespace", { defaults: { value: base("d") } }],
    ["no namespace and default", { defaults: { type: "object", description: "all sites", default: base("e") } }],
    ["the site itself", { "registry-passthrough:site": { value: base("f") } }],
    ["plain", { "registry-passthrough:defaults": base("g") }],
    ["value and default", { defaults: { value: base("h"), default: base("i") } }],
];

function base(path: string): object {
    return { registry: { mirrorBase: `registry.example/${path}` } };
}

let folder: string;
const before = process.cwd();

beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "project config "));
    mkdirSync(join(folder, "state"));
    writeProject({});
    pulumi("stack", "init", "test");
    writeFileSync(join(folder, "Pulumi.test.yaml"), "config: {}\n");
    process.chdir(folder);
});

afterAll(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true, force: true });
});

function writeProject(config: object): void {
    const project = { name: "registry-passthrough", runtime: "nodejs", config };
    writeFileSync(join(folder, "Pulumi.yaml"), JSON.stringify(project));
}

function pulumi(...args: string[]): { status: number | null; stdout: string } {
    const env = {
        ...process.env,
        PULUMI_BACKEND_URL: `file://${join(folder, "state")}`,
        PULUMI_CONFIG_PASSPHRASE: "the passphrase of a test",
        PULUMI_HOME: join(folder, "home"),
        PULUMI_SKIP_UPDATE_CHECK: "true",
    };
    return spawnSync("pulumi", [...args, "--non-interactive"], { cwd: folder, env, encoding: "utf8" });
}

type Values = Record<string, { readonly objectValue?: { readonly registry: { readonly mirrorBase: string } } }>;

/** The mirror base as the engine reads it; undefined if it rejects the file. */
function engineReads(): string | undefined {
    const { status, stdout } = pulumi("config", "--json", "--stack", "test");
    if (status !== 0) return undefined;
    const values = JSON.parse(stdout) as Values;
    const found = values["registry-passthrough:site"] ?? values["registry-passthrough:defaults"];
    return found?.objectValue?.registry.mirrorBase ?? "none";
}

function commandLineReads(): string | undefined {
    try {
        return configuredMirrorBase({ stack: "test" }) ?? "none";
    } catch (error) {
        expect((error as Error).message).toMatch(/^STACK_FILE_INVALID .*Pulumi\.yaml.*so Pulumi rejects it/);
        return undefined;
    }
}

test("the command line reads Pulumi.yaml as the engine does", () => {
    const read = FORMS.map(([form, config]) => {
        writeProject(config);
        return { form, engine: engineReads(), commandLine: commandLineReads() };
    });
    expect(read.map(({ form, commandLine }) => [form, commandLine])).toEqual(
        read.map(({ form, engine }) => [form, engine]),
    );
    expect(read.filter(({ engine }) => engine?.startsWith("registry.example/"))).toHaveLength(6);
});
