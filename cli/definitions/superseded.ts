import { createRequire } from "node:module";
import { Command } from "commander";
import type * as supersededCommand from "../commands/superseded";
import type { SupersededOptions } from "../commands/superseded";
import { type CommandDefinition, FAILURE_CODES, INTERRUPTION_CODES, USAGE_CODE } from "./definition";
import { configFileOption, jsonOption, stackOption, valueOption } from "./options";

const load = createRequire(__filename);

export function supersededDefinition(): CommandDefinition {
    const command = new Command("superseded")
        .summary("list, or delete, what the mirror has and no locked set needs")
        .description(
            "Lists the tags under the site's mirror base that no lock file of the site names, with their sizes: what sets " +
                "had that left the content. Signatures and referrers of what a set needs are not among them, and neither " +
                "is what the program pushes for itself. It looks at the repositories of the locks, " +
                "and at those that the registry lists to the account; what could not be read is named. It only reads.\n\n" +
                "With --delete it deletes exactly the list whose digest is given; if the list has changed since, or an " +
                "image of the sets is not in the registry, nothing is deleted. What other tags, indexes, signatures or sets need stays (docs/how-to/free-space.md).",
        )
        .addOption(stackOption())
        .addOption(configFileOption())
        .addOption(jsonOption("print one JSON object"))
        .addOption(valueOption("--delete <digest>", "delete what is listed, if the list has this digest"))
        .addOption(valueOption("--authfile <file>", "auth file with the account that pushes"));
    return {
        command,
        examples: [
            { line: "superseded --stack site-b", what: "what could go" },
            { line: "superseded --delete sha256:<digest> --stack site-b", what: "delete what that has listed" },
        ],
        exitCodes: [
            [0, "everything could be read, and what was to be deleted is, or stays for a reason that is said"],
            [1, "failed, or something could not be read or deleted; or the list has another digest"],
            USAGE_CODE,
            ...FAILURE_CODES,
            ...INTERRUPTION_CODES,
        ],
        run: () => {
            const { runSuperseded } = load("../commands/superseded") as typeof supersededCommand;
            return runSuperseded(command.opts<SupersededOptions>());
        },
    };
}
