import { createRequire } from "node:module";
import { Command } from "commander";
import type * as selftestCommand from "../commands/selftest";
import type { SelftestOptions } from "../commands/selftest";
import { type CommandDefinition, INTERRUPTION_CODES, USAGE_CODE } from "./definition";
import { configFileOption, jsonOption, stackOption, valueOption } from "./options";

const load = createRequire(__filename);

export function selftestDefinition(): CommandDefinition {
    const command = new Command("selftest")
        .summary("push a test image, pull it through the mirror rules, delete it")
        .description(
            "Pushes a tiny test image with the account that pushes, to " +
                "<mirrorBase>/<a mirrored host>/registry-passthrough/selftest; resolves it through the stack's mirror " +
                "rules by digest and by tag; pulls it with the account that pulls, byte for byte; deletes it if the " +
                "registry allows that. Where the account cannot create repositories (Quay), the test image goes into the " +
                "repository of the stack's first image, under a tag of its own.\n\n" +
                "It needs the stack's outputs: run npm run up first.",
        )
        .addOption(stackOption())
        .addOption(configFileOption())
        .addOption(jsonOption("print one JSON object per step"))
        .addOption(valueOption("--authfile <file>", "auth file with the account that pushes"))
        .addOption(valueOption("--pull-authfile <file>", "auth file with the account that pulls"));
    return {
        command,
        examples: [{ line: "selftest --stack site-b", what: "after the first npm run up" }],
        exitCodes: [[0, "every step succeeded"], [1, "failed, or a step failed"], USAGE_CODE, ...INTERRUPTION_CODES],
        run: () => {
            const { runSelftest } = load("../commands/selftest") as typeof selftestCommand;
            return runSelftest(command.opts<SelftestOptions>());
        },
    };
}
