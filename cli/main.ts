import { messageOf } from "../lib/oci/errors";
import { type Command, EXIT_FAILED, EXIT_OK, EXIT_USAGE, UsageError, print } from "./command";
import { lockCommand } from "./lock";
import { renderCommand } from "./render";

const COMMANDS: readonly Command[] = [lockCommand, renderCommand];

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

// `passthrough lock | head` closes our output early: that is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
});

main(process.argv.slice(2)).then(
    (code) => {
        process.exitCode = code;
    },
    (error: unknown) => {
        process.stderr.write(`passthrough: ${messageOf(error)}\n`);
        process.exitCode = error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED;
    },
);
