import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandDefinitions } from "../../../cli/program";
import { inModule } from "./script-module";

let root: string;
let dir: string;
let config: string;

beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "command line "));
    dir = join(root, ".local", "dev");
    config = join(dir, "Pulumi.dev.yaml");
    mkdirSync(dir, { recursive: true });
    writeFileSync(config, "");
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

async function stacks(lines: string[][], env: NodeJS.ProcessEnv): Promise<unknown> {
    const { value } = await inModule(
        "command-line.mjs",
        "return input.lines.map((l) => m.selectedStack(l, input.env));",
        {
            lines,
            env,
        },
    );
    return value;
}

async function complete(lines: string[], stack = "dev"): Promise<unknown> {
    const body = `return input.lines.map((line) =>
        m.completeArguments(line.split(" "), { root: input.root, local: input.root + "/.local" }, input.stack).join(" "));`;
    const { value, error } = await inModule("command-line.mjs", body, { lines, root, stack });
    expect(error).toBeUndefined();
    return value;
}

test("the stack is the one that is named, in every spelling, else the environment's, else dev", async () => {
    const lines = [["up", "--stack", "a"], ["-s", "b", "up"], ["up", "--stack=organization/p/c"], ["up"]];
    expect(await stacks(lines, { PULUMI_STACK: "e" })).toEqual(["a", "b", "c", "e"]);
    expect(await stacks([["up"], ["up", "--", "--stack", "x"]], {})).toEqual(["dev", "dev"]);
    // The last one counts for Pulumi: the files must be that one's too.
    expect(await stacks([["up", "--stack", "a", "-s", "b", "--stack=c"]], {})).toEqual(["c"]);
});

test("providers run for the commands that deploy, refresh or remove, whatever other words there are", async () => {
    const lines = ["up --yes", "-s up preview", "--stack a down", "config set key up", "stack output up", ""];
    const body = "return input.lines.map((line) => m.runsProviders(line.split(' ')));";
    const { value, error } = await inModule("command-line.mjs", body, { lines });
    expect(error).toBeUndefined();
    expect(value).toEqual([true, true, true, false, false, false]);
});

test("an update that goes on after errors is refused: the engine would delete what has no successor", async () => {
    const refused = async (line: string, env: NodeJS.ProcessEnv = {}) => {
        const body = "return m.refusedUpdate(input.line.split(' '), input.env) ?? '';";
        const { value, error } = await inModule("command-line.mjs", body, { line, env });
        expect(error).toBeUndefined();
        return value;
    };
    expect(await refused("up --refresh --continue-on-error")).toMatch(
        /^--continue-on-error: Pulumi would delete .*--exclude/s,
    );
    expect(await refused("up --continue-on-error false")).toMatch(/^--continue-on-error: /);
    expect(await refused("up", { PULUMI_CONTINUE_ON_ERROR: "true" })).toMatch(/^PULUMI_CONTINUE_ON_ERROR: /);
    expect(await refused("up", { PULUMI_OPTION_CONTINUE_ON_ERROR: "1" })).toMatch(/^PULUMI_OPTION_CONTINUE_ON_ERROR: /);
    expect(await refused("up --continue-on-error=false", { PULUMI_CONTINUE_ON_ERROR: "true" })).toBe("");
    expect(await refused("up --refresh")).toBe("");
    expect(await refused("preview", { PULUMI_CONTINUE_ON_ERROR: "true" })).toBe("");
});

test("commands that read the config are pointed at the stack's own", async () => {
    expect(await complete(["up --yes", "-C x preview", "config set --secret k", "stack output", "version"])).toEqual([
        `up --config-file ${config} --yes`,
        `-C x preview --config-file ${config}`,
        `config --config-file ${config} set --secret k`,
        "stack output",
        "version",
    ]);
});

test("a config file that is named stays, and stacks without one of their own are left alone", async () => {
    expect(await complete(["up --config-file=mine.yaml"])).toEqual(["up --config-file=mine.yaml"]);
    expect(await complete(["up", "stack init site-b"], "site-b")).toEqual(["up", "stack init site-b"]);
});

test("commands that would write the tracked file run in the stack's own folder, unless they name another stack", async () => {
    expect(await complete(["stack rm --yes", "stack init dev", "stack rm site-b", "stack rename new"])).toEqual([
        `-C ${dir} stack rm --yes`,
        `-C ${dir} stack init dev`,
        "stack rm site-b",
        `-C ${dir} stack rename new`,
    ]);
});

test("a name that would leave the folder of stacks is refused", async () => {
    const { error } = await inModule("workspace.mjs", 'm.stackFiles(m.workspace(), "../x");', {});
    expect(error).toContain('"../x" cannot be a stack\'s name');
});

test("commands that read a site are pointed at the config that was made at run time, unless another one is named", async () => {
    const lines = [["plan", "--json"], ["verify", "--config-file", "x"], ["lock"], ["render", "--stack", "dev"], []];
    const body = "return input.lines.map((line) => m.passthroughArguments(line, { config: input.config }));";
    const { value } = await inModule("command-line.mjs", body, { lines, config });
    expect(value).toEqual([
        ["plan", "--config-file", config, "--json"],
        ["verify", "--config-file", "x"],
        ["lock"],
        ["render", "--config-file", config, "--stack", "dev"],
        [],
    ]);
    const { value: without } = await inModule("command-line.mjs", body, { lines, config: join(root, "absent") });
    expect(without).toEqual(lines);
});

/** Names of the commands that have an option. */
const commandsWith = (flag: string) =>
    commandDefinitions()
        .filter(({ command }) => command.options.some(({ long }) => long === flag))
        .map(({ command }) => command.name());

test("every command that reads a site has the config of its stack, but lock, which only reads archives", async () => {
    const names = commandsWith("--config-file").filter((name) => name !== "lock");
    expect(names).toContain("superseded");
    const body = "return input.names.map((name) => m.passthroughArguments([name], { config: input.config }));";
    const { value } = await inModule("command-line.mjs", body, { names, config });
    expect(value).toEqual(names.map((name) => [name, "--config-file", config]));
});

test("every command that wants an account may look for it in the stack's outputs", async () => {
    const names = commandsWith("--authfile");
    expect(names).toContain("superseded");
    const body = "return input.filter((name) => Object.values(m.pulumiUse([name])).flat().includes('pulumi'));";
    expect((await inModule("command-line.mjs", body, names)).value).toEqual(names);
});

test("help is asked for by flag or by command, alone or of a command; a file of that name is none", async () => {
    const lines = [[], ["--help"], ["-h"], ["help"], ["help", "plan"], ["plan", "--json", "--help"]];
    const others = [["plan"], ["lock", "help"], ["lock", "--", "--help"], ["lock", "--out", "help"]];
    const body = "return input.map(m.asksForHelp);";
    const { value } = await inModule("command-line.mjs", body, [...lines, ...others]);
    expect(value).toEqual([...lines.map(() => true), ...others.map(() => false)]);
});

test("only commands that read a stack's outputs need the Pulumi CLI; lock does not even look for it", async () => {
    const names = ["lock", "doctor", "plan", "import", "verify", "coverage", "render", "selftest", "check", "report"];
    const { value } = await inModule("command-line.mjs", "return input.map((name) => m.pulumiUse([name]));", names);
    const [needed, optional] = [
        { needed: ["pulumi"], optional: [] },
        { needed: [], optional: ["pulumi"] },
    ];
    const none = { needed: [], optional: [] };
    expect(value).toEqual([none, optional, optional, optional, optional, optional, needed, needed, needed, needed]);
});
