import { createRequire } from "node:module";
import { Command } from "commander";
import { requireSafeEnvironment } from "../lib/distribution/http/tls-environment";
import { type CommandDefinition, PROGRAM } from "./definitions/definition";
import type * as checkModule from "./definitions/check";
import type * as coverageModule from "./definitions/coverage";
import type * as doctorModule from "./definitions/doctor";
import type * as importModule from "./definitions/import";
import type * as lockModule from "./definitions/lock";
import type * as planModule from "./definitions/plan";
import type * as registryImageModule from "./definitions/registry-image";
import type * as renderModule from "./definitions/render";
import type * as reportModule from "./definitions/report";
import type * as scheduleModule from "./definitions/schedule";
import type * as selftestModule from "./definitions/selftest";
import type * as supersededModule from "./definitions/superseded";
import type * as upModule from "./definitions/up";
import type * as verifyModule from "./definitions/verify";
import { EXIT_CONTENT, EXIT_FAILED, EXIT_OK, EXIT_SETUP, EXIT_TEMPORARY, EXIT_USAGE } from "./exit-codes";

/** Not `import()`: that starts the loader of ES modules, which takes longer than loading a command. */
const load = createRequire(__filename);

/** Each is loaded when it is needed, in the order in which a site uses them. */
const DEFINITIONS: ReadonlyMap<string, () => CommandDefinition> = new Map([
    ["lock", () => (load("./definitions/lock") as typeof lockModule).lockDefinition()],
    ["doctor", () => (load("./definitions/doctor") as typeof doctorModule).doctorDefinition()],
    ["plan", () => (load("./definitions/plan") as typeof planModule).planDefinition()],
    ["import", () => (load("./definitions/import") as typeof importModule).importDefinition()],
    ["up", () => (load("./definitions/up") as typeof upModule).upDefinition()],
    ["verify", () => (load("./definitions/verify") as typeof verifyModule).verifyDefinition()],
    ["coverage", () => (load("./definitions/coverage") as typeof coverageModule).coverageDefinition()],
    ["render", () => (load("./definitions/render") as typeof renderModule).renderDefinition()],
    ["selftest", () => (load("./definitions/selftest") as typeof selftestModule).selftestDefinition()],
    ["check", () => (load("./definitions/check") as typeof checkModule).checkDefinition()],
    ["report", () => (load("./definitions/report") as typeof reportModule).reportDefinition()],
    ["superseded", () => (load("./definitions/superseded") as typeof supersededModule).supersededDefinition()],
    ["schedule", () => (load("./definitions/schedule") as typeof scheduleModule).scheduleDefinition()],
    [
        "registry-image",
        () => (load("./definitions/registry-image") as typeof registryImageModule).registryImageDefinition(),
    ],
]);

/** Every command, for the documentation. */
export function commandDefinitions(): readonly CommandDefinition[] {
    return [...DEFINITIONS.values()].map((define) => define());
}

/** Where a program prints. */
export interface ProgramOutput {
    readonly writeOut: (text: string) => void;
    readonly writeErr: (text: string) => void;
}

/**
 * Parses a command line and runs its command.
 * @returns the command's exit code
 * @throws CommanderError for help (`exitCode` 0) and for wrong usage; it is printed already
 */
export async function runProgram(args: readonly string[], output: ProgramOutput): Promise<number> {
    const isHelp = args[0] === "help";
    const name = (isHelp ? args[1] : args[0]) ?? "";
    const define = DEFINITIONS.get(name);
    const definitions = define === undefined ? commandDefinitions() : [define()];
    let exitCode = EXIT_OK;
    const program = createProgram(definitions, output, (code) => (exitCode = code));
    // Of `help improt` and `improt --help`, commander would print the general help.
    const isUnknown = define === undefined && name !== "" && name !== "help" && !name.startsWith("-");
    await program.parseAsync(isUnknown ? [name] : args, { from: "user" });
    return exitCode;
}

/** Where the output is not a terminal: an option with its description is one line. */
const HELP_WIDTH = 120;

function createProgram(
    definitions: readonly CommandDefinition[],
    { writeOut, writeErr }: ProgramOutput,
    onExit: (code: number) => void,
): Command {
    const program = new Command(PROGRAM)
        .description("Imports container images into a registry and proves that clusters can pull them through it.")
        .helpOption("-h, --help", "print this help")
        .helpCommand("help [command]", "print the help of a command")
        .configureOutput({
            ...{ writeOut, writeErr },
            getOutHelpWidth: () => process.stdout.columns || HELP_WIDTH,
            getErrHelpWidth: () => process.stderr.columns || HELP_WIDTH,
            outputError: (text, write) => write(text.replace(/^error: /, "passthrough: ")),
        })
        .showHelpAfterError(`for help, run: ${PROGRAM} --help`)
        .addHelpText("after", `\n${PROGRAM_TAIL}`)
        .exitOverride();
    for (const definition of definitions) {
        const { command, run } = definition;
        program.addCommand(command.copyInheritedSettings(program));
        command
            .showHelpAfterError(`for help, run: ${PROGRAM} ${command.name()} --help`)
            .addHelpText("after", `\n${helpTail(definition)}`)
            .action(async () => {
                requireSafeEnvironment();
                onExit(await run());
            });
    }
    return program;
}

const PROGRAM_TAIL = [
    "Exit codes:",
    `  ${EXIT_OK}   done`,
    `  ${EXIT_FAILED}   failed`,
    `  ${EXIT_USAGE}   wrong usage; nothing was done`,
    `  ${EXIT_CONTENT}  failed: an archive or lock file`,
    `  ${EXIT_TEMPORARY}  failed: no response, or busy; try again later`,
    `  ${EXIT_SETUP}  failed: configuration, certificate or account`,
    "",
    "Accounts, exit codes of each command, JSON formats: docs/command-line.md",
].join("\n");

/** The end of a command's help. */
function helpTail({ exitCodes, examples }: CommandDefinition): string {
    return [
        "Exit codes:",
        ...exitCodes.map(([code, meaning]) => `  ${String(code).padEnd(3)} ${meaning}`),
        "",
        "Examples:",
        ...examples.flatMap(({ line, what }) => [`  # ${what}`, `  ${PROGRAM} ${line}`]),
    ].join("\n");
}
