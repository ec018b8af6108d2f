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
                "With -, the archive of one set is read from standard input, once and without a copy of it: a tar or several one " +
                "after the other, plain, gzip or zstd. It need not be on this machine. See docs/archives.md#streams.\n\n" +
                "Ctrl-C stops it cleanly; a second Ctrl-C ends it at once.",
        )
        .argument("[archive]", "- for the archive of one set on standard input (default: the archives of all sets)")
        .addOption(stackOption())
        .addOption(configFileOption())
        .addOption(jsonOption("print one JSON event per line"))
        .addOption(valueOption("--authfile <file>", "auth file with the account that pushes"))
        .addOption(valueOption("--set <name>", "whose archive standard input is, where the site has several sets"));
    return {
        command,
        examples: [
            { line: "import --stack site-b", what: "push what is missing" },
            { line: "import -", what: "from standard input, as: zstd -dc haul.tar.zst | or cat mirror_*.tar |" },
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
            const [archive] = command.args;
            const options = command.opts<ImportOptions>();
            if (archive !== undefined && archive !== "-")
                command.error("error: list archives in site.content; only - can be given here");
            if (archive === undefined && options.set !== undefined)
                command.error("error: option '--set' needs the argument '-'");
            if (archive === "-" && process.stdin.isTTY)
                command.error("error: standard input is a terminal; pipe the archive into this command");
            const { runImport } = load("../commands/import") as typeof importCommand;
            return runImport(options, archive === "-" ? "stdin" : undefined);
        },
    };
}
