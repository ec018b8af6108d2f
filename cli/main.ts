import { messageOf } from "../lib/oci/errors";
import { type Command, EXIT_FAILED, EXIT_OK, EXIT_USAGE, UsageError } from "./command";
import { Interrupted } from "./interruption";
import { importCommand } from "./import";
import { lockCommand } from "./lock";
import { print, say } from "./output";
import { planCommand } from "./plan";
import { renderCommand } from "./render";
import { selftestCommand } from "./selftest";
import { verifyCommand } from "./verify";

const COMMANDS: readonly Command[] = [
    lockCommand,
    planCommand,
    importCommand,
    verifyCommand,
    renderCommand,
    selftestCommand,
];

const HELP = [
    "usage: npm run -s passthrough -- <command> [options]",
    "",
    ...COMMANDS.map(({ name, summary }) => `  ${name.padEnd(8)} ${summary}`),
    "",
    "<command> --help tells more. Exit codes: 0 done, 1 failed, 2 wrong usage.",
].join("\n");

async function main(args: readonly string[]): Promise<number> {
    const [name, ...rest] = args;
    if (name === undefined || name === "help" || name === "--help" || name === "-h") {
        print(HELP);
        return name === undefined ? EXIT_USAGE : EXIT_OK;
    }
    const command = COMMANDS.find((known) => known.name === name);
    if (command === undefined) throw new UsageError(`there is no command ${name}\n\n${HELP}`);
    if (rest.includes("--help") || rest.includes("-h")) {
        print(command.help);
        return EXIT_OK;
    }
    return command.run(rest);
}

function exitCodeOf(error: unknown): number {
    if (error instanceof Interrupted) return error.exitCode;
    return error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED;
}

// `passthrough lock | head` closes our output early: that is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
});

main(process.argv.slice(2)).then(
    (code) => {
        process.exitCode = code;
    },
    (error: unknown) => {
        say(`passthrough: ${messageOf(error)}`);
        process.exitCode = exitCodeOf(error);
    },
);
