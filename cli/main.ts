import { errorMessage } from "../lib/errors/errors";
import { requireTlsVerification } from "../lib/distribution/http/tls-environment";
import { type Command, EXIT_FAILED, EXIT_OK, EXIT_USAGE, UsageError } from "./command";
import { Interrupted } from "./terminal/interruption";
import { print, printDiagnostic } from "./terminal/output";

/** Each is loaded when it is called: a lock needs no HTTP, and starts in half the time without it. */
const COMMANDS: ReadonlyMap<string, () => Promise<Command>> = new Map([
    ["lock", async () => (await import("./commands/lock.js")).lockCommand],
    ["plan", async () => (await import("./commands/plan.js")).planCommand],
    ["import", async () => (await import("./commands/import.js")).importCommand],
    ["verify", async () => (await import("./commands/verify.js")).verifyCommand],
    ["render", async () => (await import("./commands/render.js")).renderCommand],
    ["selftest", async () => (await import("./commands/selftest.js")).selftestCommand],
]);

async function help(): Promise<string> {
    const commands = await Promise.all([...COMMANDS.values()].map((load) => load()));
    return [
        "usage: npm run -s passthrough -- <command> [options]",
        "",
        ...commands.map(({ name, summary }) => `  ${name.padEnd(8)} ${summary}`),
        "",
        "<command> --help tells more. Exit codes: 0 done, 1 failed, 2 wrong usage.",
    ].join("\n");
}

async function main(args: readonly string[]): Promise<number> {
    const [name, ...rest] = args;
    if (name === undefined || name === "help" || name === "--help" || name === "-h") {
        print(await help());
        return name === undefined ? EXIT_USAGE : EXIT_OK;
    }
    const command = await COMMANDS.get(name)?.();
    if (command === undefined) throw new UsageError(`there is no command ${name}\n\n${await help()}`);
    if (rest.includes("--help") || rest.includes("-h")) {
        print(command.help);
        return EXIT_OK;
    }
    requireTlsVerification();
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
        printDiagnostic(`passthrough: ${errorMessage(error)}`);
        process.exitCode = exitCodeOf(error);
    },
);
