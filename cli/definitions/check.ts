import { createRequire } from "node:module";
import { Command, InvalidArgumentError, Option } from "commander";
import type * as checkCommand from "../commands/check";
import type { CheckOptions } from "../commands/check";
import { EXIT_DRIFT } from "../exit-codes";
import { type CommandDefinition, FAILURE_CODES, INTERRUPTION_CODES, USAGE_CODE } from "./definition";
import { configFileOption, jsonOption, stackOption } from "./options";

const load = createRequire(__filename);

export function checkDefinition(): CommandDefinition {
    const command = new Command("check")
        .summary("check that nothing drifted: the registry, its accounts and every image")
        .description(
            "Compares the registry with the configuration and the stack's state, as a nightly job: every image and that it " +
                "can be pulled, accounts and their expiry, structure. It changes nothing. It runs pulumi refresh " +
                "--preview-only --expect-no-changes --run-program, so it needs the Pulumi CLI, the state and the passphrase.",
        )
        .addOption(stackOption())
        .addOption(configFileOption())
        .addOption(
            new Option("--metrics <file>", "write the result for node_exporter's textfile collector").argParser(
                metricsFile,
            ),
        )
        .addOption(jsonOption("print one JSON object; what pulumi prints goes to stderr"));
    return {
        command,
        examples: [
            { line: "check --stack site-b", what: "in a nightly job" },
            {
                line: "check --stack site-b --metrics /var/lib/node_exporter/site-b.prom",
                what: "with metrics for Prometheus",
            },
        ],
        exitCodes: [
            [0, "nothing differs"],
            [1, "unknown: failed, otherwise than below or for several reasons"],
            USAGE_CODE,
            [
                EXIT_DRIFT,
                "drift: an image, an account or the structure differs, or no up has completed yet; npm run up repairs it",
            ],
            ...FAILURE_CODES.map(([code, meaning]) => [code, `unknown: ${meaning}`] as const),
            ...INTERRUPTION_CODES,
        ],
        run: () => {
            const { runCheck } = load("../commands/check") as typeof checkCommand;
            return runCheck(command.opts<CheckOptions>());
        },
    };
}

/** node_exporter reads no other files (`--collector.textfile.directory`). */
function metricsFile(path: string): string {
    if (!path.endsWith(".prom")) throw new InvalidArgumentError("Its name must end with .prom.");
    return path;
}
