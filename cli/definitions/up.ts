import { createRequire } from "node:module";
import { Command } from "commander";
import type * as upCommand from "../commands/up";
import type { UpOptions } from "../commands/up";
import { type CommandDefinition, FAILURE_CODES, INTERRUPTION_CODES, OTHER_FAILURE, USAGE_CODE } from "./definition";
import { configFileOption, stackOption } from "./options";

const load = createRequire(__filename);

export function upDefinition(): CommandDefinition {
    const command = new Command("up")
        .summary("apply the stack without a question, for schedulers")
        .description(
            "Does what npm run up does, without asking: it compares the state with the registry, creates accounts and " +
                "structure, pushes what is missing, proves every image, and writes to clusters with cluster.apply. Its exit " +
                "code says who has to act. It runs pulumi up --refresh --run-program --yes, so it needs the Pulumi CLI, the " +
                "state and the passphrase.\n\n" +
                "Ctrl-C or SIGTERM stops it cleanly; a second Ctrl-C ends it at once.",
        )
        .addOption(stackOption())
        .addOption(configFileOption());
    return {
        command,
        examples: [{ line: "up --stack site-b", what: "in a job of a scheduler" }],
        exitCodes: [
            [0, "the site is as configured, and every image is proven"],
            OTHER_FAILURE,
            USAGE_CODE,
            ...FAILURE_CODES,
            ...INTERRUPTION_CODES,
        ],
        run: () => {
            const { runUp } = load("../commands/up") as typeof upCommand;
            return runUp(command.opts<UpOptions>());
        },
    };
}
