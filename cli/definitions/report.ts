import { createRequire } from "node:module";
import { Command, Option } from "commander";
import type * as reportCommand from "../commands/report";
import type { ReportOptions } from "../commands/report";
import { EXIT_UNKNOWN } from "../exit-codes";
import type { CommandDefinition } from "./definition";
import { configFileOption, jsonOption, stackOption, valueOption } from "./options";

const load = createRequire(__filename);

export function reportDefinition(): CommandDefinition {
    const command = new Command("report")
        .summary("report what was proven of a site: each image, each cluster, its accounts")
        .description(
            "Reports what was proven of the stack's site, for auditors and pipelines: for each image how pulls were proven, for " +
                "each cluster when and with which account, which rules its nodes have and what its nodes have pulled, the " +
                "accounts and when they are due. What is not proven comes first: images that a refresh found missing, a run " +
                "that failed or is under way, a configuration that was never applied.\n\n" +
                "It reads the stack's state, its history and the lock files, and asks neither the registry nor a cluster: check " +
                "does. No secret is decrypted. The same state gives the same report.\n\n" +
                "It is Markdown for a pull request, below 60 kB, or JSON, or JUnit; with --out it is written in all three forms.",
        )
        .addOption(stackOption())
        .addOption(configFileOption())
        .addOption(jsonOption("print one JSON object"))
        .addOption(new Option("--junit", "print JUnit XML").conflicts("json"))
        .addOption(
            new Option("--full", "Markdown with every image and whole digests, however long").conflicts([
                "json",
                "junit",
            ]),
        )
        .addOption(
            valueOption("--out <folder>", "write report.md, report.json and report.junit.xml").conflicts([
                "json",
                "junit",
            ]),
        );
    return {
        command,
        examples: [
            { line: "report --stack site-b", what: "after an up, as a comment or a page" },
            { line: "report --stack site-b --out report", what: "in a pipeline that keeps it" },
            { line: "report --stack site-b --json", what: "for a script" },
        ],
        exitCodes: [
            [0, "everything that should be proven is proven"],
            [1, "something is not proven; the report says what"],
            [
                EXIT_UNKNOWN,
                "it is not known, and there is no report: wrong usage, or state or configuration are not readable",
            ],
        ],
        run: () => {
            const { runReport } = load("../commands/report") as typeof reportCommand;
            return runReport(command.opts<ReportOptions>());
        },
    };
}
