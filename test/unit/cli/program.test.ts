import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CommanderError } from "commander";
import { PROGRAM } from "../../../cli/definitions/definition";
import { EXIT_FAILED } from "../../../cli/exit-codes";
import { commandDefinitions, runProgram } from "../../../cli/program";
import { PROJECT } from "../../support/stack";

const MAIN = join(PROJECT, "dist/cli/main.js");
const ARCHIVE = join(PROJECT, "test/fixtures/archives/oc-mirror/with-mapping");
const NAMES = [
    ...["lock", "doctor", "plan", "import", "verify", "coverage"],
    ...["render", "selftest", "check", "report", "schedule"],
];

/** Parses a command line that runs nothing: help, or wrong usage. */
async function parse(...args: string[]) {
    const printed = { out: "", error: "" };
    const output = {
        writeOut: (text: string) => void (printed.out += text),
        writeErr: (text: string) => void (printed.error += text),
    };
    const error: unknown = await runProgram(args, output).catch((thrown: unknown) => thrown);
    if (!(error instanceof CommanderError)) throw new Error(`${args.join(" ")} has run: ${String(error)}`);
    return { isUsageError: error.exitCode !== 0, ...printed };
}

test.each(NAMES)("the help of %s: each option on one line, then exit codes and examples", async (name) => {
    const { isUsageError, out, error } = await parse(name, "--help");
    expect({ isUsageError, error }).toEqual({ isUsageError: false, error: "" });
    expect(await parse("help", name)).toEqual({ isUsageError, out, error });
    expect(out.startsWith(`Usage: ${PROGRAM} ${name} [options]`)).toBe(true);
    const lines = out.split("\n");
    expect(lines.filter((line) => line.length > 120)).toEqual([]);
    const definition = commandDefinitions().find(({ command }) => command.name() === name);
    for (const { flags, description } of definition?.command.options ?? []) {
        expect(lines.filter((line) => line.includes(`  ${flags} `) && line.endsWith(description))).toHaveLength(1);
    }
    for (const [code, meaning] of definition?.exitCodes ?? []) {
        expect(out).toMatch(new RegExp(`\n  ${code} +${meaning.replace(/[().]/g, "\\$&")}\n`));
    }
    expect(out.indexOf("\nExamples:")).toBeGreaterThan(out.indexOf("\nExit codes:"));
});

test("every example is a command line that its command understands", () => {
    for (const { command, examples } of commandDefinitions()) {
        expect(examples.length).toBeGreaterThan(0);
        for (const { line } of examples) {
            const [name, ...args] = line.split(" ");
            expect(name).toBe(command.name());
            expect(command.parseOptions(args).unknown).toEqual([]);
        }
    }
});

test("the general help lists every command; without a command it is an error", async () => {
    const help = await parse("--help");
    expect(help).toMatchObject({ isUsageError: false, error: "" });
    for (const { command } of commandDefinitions()) expect(help.out).toContain(command.summary());
    expect(await parse("help")).toEqual(help);
    expect(await parse("-h")).toEqual(help);
    expect(await parse()).toEqual({ isUsageError: true, out: "", error: help.out });
});

test.each<[line: string, error: string]>([
    ["plan --jsn", "unknown option '--jsn'\n(Did you mean --json?)"],
    ["plan --stack x --json=true", "unknown option '--json=true'"],
    ["plan word", "too many arguments for 'plan'. Expected 0 arguments but got 1."],
    ["plan --stack", "option '--stack <name>' argument missing"],
    ["plan --stack --json", "option '--stack <name>' argument '--json' is invalid. It looks like an option"],
    ["plan --stack=", "option '--stack <name>' argument '' is invalid. It must not be empty."],
    ["plan --offline --against=", "option '--against <path>' argument '' is invalid. It must not be empty."],
    ["plan --offline --markdown --json", "option '--markdown' cannot be used with option '--json'"],
    ["plan --offline --authfile a", "option '--authfile <file>' cannot be used with option '--offline'"],
    ["plan --markdown", "option '--markdown' needs option '--offline'"],
    ["plan --against none", "option '--against' needs option '--offline'"],
    ["plan --offline --against none --against a", "'--against none' cannot be used with other files"],
    ["lock a.tar", "archives need option '--out <file>'"],
    ["lock a.tar --out l --stack s", "option '--stack' cannot be used with archives"],
    ["lock a.tar --out l --config-file c", "option '--config-file' cannot be used with archives"],
    ["lock --out l", "option '--out' is for given archives"],
    ["lock --override a=b", "option '--override' is for given archives; a stack has site.content[].overrides"],
    ["lock a.tar --out l --override a", "argument 'a' is invalid. Write MATCH=HOST, MATCH=HOST/REPOSITORY or"],
    ["lock a.tar --out l --override a=quay.io/b=c", "argument 'a=quay.io/b=c' is invalid. Write MATCH=HOST"],
    ["lock a.tar --out l --override a=quay.io/b:1:2", "argument 'a=quay.io/b:1:2' is invalid. Write MATCH=HOST"],
    ["import --bytes", "unknown option '--bytes'"],
    ["import haul.tar", "list archives in site.content; only - can be given here"],
    ["import --set a", "option '--set' needs the argument '-'"],
    ["render --config x", "unknown option '--config'"],
])("wrong usage: %s", async (line, expected) => {
    const { isUsageError, out, error } = await parse(...line.split(" "));
    expect({ isUsageError, out }).toEqual({ isUsageError: true, out: "" });
    expect(error).toContain(expected);
    expect(error).toMatch(/^passthrough: /);
    expect(error).toContain(`\nfor help, run: ${PROGRAM} ${line.split(" ")[0]} --help\n`);
});

test.each([["improt"], ["help", "improt"], ["improt", "--help"], ["improt", "--stack", "x"]])(
    "an unknown command is named, with the one that is meant: %s %s",
    async (...args) => {
        const { isUsageError, out, error } = await parse(...args);
        expect({ isUsageError, out }).toEqual({ isUsageError: true, out: "" });
        expect(error).toBe(
            `passthrough: unknown command 'improt'\n(Did you mean import?)\nfor help, run: ${PROGRAM} --help\n`,
        );
    },
);

test("a command that nothing can bring to its end any more fails, and says so", () => {
    const endless = `
        const file = require.resolve(${JSON.stringify(join(PROJECT, "dist/cli/program.js"))});
        require.cache[file] = { id: file, loaded: true, exports: { runProgram: () => new Promise(() => undefined) } };
        require(${JSON.stringify(MAIN)});`;
    const { status, stderr } = spawnSync(process.execPath, ["--eval", endless], { encoding: "utf8" });
    expect(stderr).toMatch(
        /^passthrough: ended without a result, .* run it again, with REGISTRY_PASSTHROUGH_DEBUG='\*'/,
    );
    expect(status).toBe(EXIT_FAILED);
});

/** The packages and modules that a command line loads, by a process of its own. */
function loaded(...args: string[]): string[] {
    const program = `
        process.argv.splice(1, 0, ${JSON.stringify(MAIN)});
        process.stdout.write = () => true;
        process.once("exit", () => process.stderr.write(Object.keys(require.cache).join("\\n")));
        require(${JSON.stringify(MAIN)});`;
    const { stderr } = spawnSync(process.execPath, ["--eval", program, "--", ...args], { encoding: "utf8" });
    return stderr.split("\n");
}

test("a command loads only what it needs: no HTTP for a lock, nothing at all for help", () => {
    const packages = (modules: string[]) => [
        ...new Set(modules.flatMap((file) => /node_modules\/([^/]+)/.exec(file)?.[1] ?? [])),
    ];
    expect(packages(loaded("--help"))).toEqual(["commander"]);
    expect(packages(loaded("verify", "--help"))).toEqual(["commander"]);
    const lock = packages(loaded("lock", ARCHIVE, "--out", "/nowhere/x.json", "--check"));
    expect(lock).toContain("zod");
    expect(lock).not.toContain("undici");
});

test("a command that nothing is left to settle is a failure", () => {
    const program = `
        process.argv.splice(1, 0, ${JSON.stringify(MAIN)});
        require(${JSON.stringify(join(PROJECT, "dist/cli/program.js"))}).runProgram = () => new Promise(() => undefined);
        require(${JSON.stringify(MAIN)});`;
    expect(spawnSync(process.execPath, ["--eval", program, "--", "plan"]).status).toBe(1);
});

test("a reader that closes the pipe early is no failure", async () => {
    const folder = mkdtempSync(join(tmpdir(), "cli pipe "));
    try {
        const args = ["lock", ARCHIVE, "--out", join(folder, "a.lock.json")];
        const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "pipe", "pipe"] });
        child.stdout.destroy();
        let error = "";
        child.stderr.on("data", (chunk: Buffer) => (error += chunk.toString("utf8")));
        expect([...((await once(child, "close")) as unknown[]), error]).toEqual([0, null, ""]);
    } finally {
        rmSync(folder, { recursive: true });
    }
});
