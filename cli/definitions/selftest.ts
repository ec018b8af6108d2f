import { createRequire } from "node:module";
import { Command } from "commander";
import type * as selftestCommand from "../commands/selftest";
import type { SelftestOptions } from "../commands/selftest";
import { type CommandDefinition, FAILURE_CODES, INTERRUPTION_CODES, USAGE_CODE } from "./definition";
import { configFileOption, jsonOption, requireTogether, stackOption, valueOption } from "./options";

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
                "With --kubeconfig, a node of each pool of the cluster then pulls test images that only the mirror has, by " +
                "digest and by tag, and one that nobody has, in pods of the namespace registry-passthrough-probe, and everything " +
                "is removed again (docs/how-to/prove-pulls.md). The account needs the role proof.\n\n" +
                "It needs the stack's outputs: run npm run up first.",
        )
        .addOption(stackOption())
        .addOption(configFileOption())
        .addOption(jsonOption("print one JSON object per step"))
        .addOption(valueOption("--authfile <file>", "auth file with the account that pushes"))
        .addOption(valueOption("--pull-authfile <file>", "auth file with the account that pulls"))
        .addOption(valueOption("--cluster <name>", "whose rules, where the site has several clusters"))
        .addOption(valueOption("--kubeconfig <file>", "have nodes of this kubeconfig's cluster pull test images"))
        .addOption(valueOption("--context <name>", "its context (default: its current-context)"));
    return {
        command,
        examples: [
            { line: "selftest --stack site-b", what: "after the first npm run up" },
            {
                line: "selftest --stack site-b --kubeconfig site-b.kubeconfig",
                what: "after the rules are on the nodes",
            },
        ],
        exitCodes: [
            [0, "every step succeeded"],
            [1, "failed, or a step failed, or something is not proven"],
            USAGE_CODE,
            ...FAILURE_CODES,
            ...INTERRUPTION_CODES,
        ],
        run: () => {
            requireTogether(command, "--kubeconfig", "--context");
            const { runSelftest } = load("../commands/selftest") as typeof selftestCommand;
            return runSelftest(command.opts<SelftestOptions>());
        },
    };
}
