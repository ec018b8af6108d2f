#!/usr/bin/env node
import "./require-node";
import { CommanderError } from "commander";
import { errorMessage } from "../lib/errors/errors";
import { escapedLines } from "../lib/errors/text";
import { EXIT_FAILED, EXIT_OK, EXIT_USAGE } from "./exit-codes";
import { errorExitCode } from "./failure-exit-code";
import { runProgram } from "./program";
import { Interrupted } from "./terminal/interruption";
import { printDiagnostic, withoutSecrets } from "./terminal/output";

/** @returns the exit code */
async function main(args: readonly string[]): Promise<number> {
    try {
        return await runProgram(args, {
            writeOut: (text) => void process.stdout.write(text),
            writeErr: (text) => void process.stderr.write(escapedLines(withoutSecrets(text))),
        });
    } catch (error) {
        // Help, or wrong usage; commander has printed it.
        if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
        printDiagnostic(`passthrough: ${errorMessage(error)}`);
        return error instanceof Interrupted ? error.exitCode : errorExitCode(error);
    }
}

// `passthrough lock | head` closes the pipe early: that is not a failure.
for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
        if (error.code !== "EPIPE") throw error;
    });
}

let isDone = false;
// A process that has nothing left to wait for ends well, whatever its promises say.
process.once("beforeExit", () => {
    if (isDone) return;
    printDiagnostic(
        "passthrough: ended without a result, since something that it waited for cannot come any more: run it again, " +
            "with REGISTRY_PASSTHROUGH_DEBUG='*' to see what it did last",
    );
    process.exitCode = EXIT_FAILED;
});

void main(process.argv.slice(2)).then((code) => {
    isDone = true;
    process.exitCode = code;
});
