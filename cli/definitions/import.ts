import { createRequire } from "node:module";
import { Command } from "commander";
import type * as importCommand from "../commands/import";
import type { ImportOptions } from "../commands/import";
import { type CommandDefinition, FAILURE_CODES, INTERRUPTION_CODES, USAGE_CODE } from "./definition";
import { configFileOption, jsonOption, stackOption, valueOption } from "./options";

const load = createRequire(__filename);

export function importDefinition(): CommandDefinition {
    const command = new Command("import")
        .summary("push the stack's sets to the registry")
        .description(
            "Pushes the stack's sets to the registry, one after the other, as npm run up does: only missing " +
                "blobs and manifests are sent, straight from the archives. Running it again resumes. It does not change " +
                "the stack's state, and does not check the result: verify does. Images that nodes will refuse by " +
                "site.signatures are named before their set is pushed, or keep it from being pushed " +
                "(docs/how-to/signatures.md#before-the-push).\n\n" +
                "Ctrl-C stops it cleanly; a second Ctrl-C ends it at once.",
        )
        .addOption(stackOption())
        .addOption(configFileOption())
        .addOption(jsonOption("print one JSON event per line"))
        .addOption(valueOption("--authfile <file>", "auth file with the account that pushes"));
    return {
        command,
        examples: [
            { line: "import --stack site-b", what: "push what is missing" },
            { line: "import --authfile push-secret.json --json", what: "in a Job of a cluster" },
        ],
        exitCodes: [
            [0, "every image is in the registry"],
            [1, "failed, or an image is blocked"],
            USAGE_CODE,
            ...FAILURE_CODES,
            ...INTERRUPTION_CODES,
        ],
        run: () => {
            const { runImport } = load("../commands/import") as typeof importCommand;
            return runImport(command.opts<ImportOptions>());
        },
    };
}
