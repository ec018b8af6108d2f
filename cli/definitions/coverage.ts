import { createRequire } from "node:module";
import { Command } from "commander";
import type * as coverageCommand from "../commands/coverage";
import type { CoverageOptions } from "../commands/coverage";
import { type CommandDefinition, FAILURE_CODES, INTERRUPTION_CODES, USAGE_CODE } from "./definition";
import { configFileOption, jsonOption, requireTogether, stackOption, valueOption } from "./options";

const load = createRequire(__filename);

export function coverageDefinition(): CommandDefinition {
    const command = new Command("coverage")
        .summary("find images that workloads name and the mirror lacks")
        .description(
            "Reads Kubernetes objects from files, folders or standard input (-), or from a cluster (--kubeconfig), resolves every image that they name " +
                "through the mirror rules of the stack's content, and looks it up with the account that pulls. It lists " +
                "what the mirror lacks, who names it, and what to add to the image set. It changes nothing.\n\n" +
                "Images are those of pods and pod templates in any kind of object, image volumes, RELATED_IMAGE_* of " +
                "operators, ImageStreams and builds, operator bundles, catalogs and releases. Templates must be rendered " +
                "first: helm template, kustomize build. Of a cluster, pods, workloads, cron jobs, builds, ImageStreams, catalogs " +
                "and the release are read; what has finished is left out. The account needs the role coverage " +
                "(docs/how-to/cluster-access.md).",
        )
        .argument("[files...]", "YAML or JSON files, folders, or - for standard input")
        .addOption(stackOption())
        .addOption(configFileOption())
        .addOption(jsonOption("print one JSON object"))
        .addOption(valueOption("--cluster <name>", "whose workloads they are, where the site has several clusters"))
        .addOption(valueOption("--authfile <file>", "auth file with the account that pulls"))
        .addOption(valueOption("--kubeconfig <file>", "read the objects of this kubeconfig's cluster"))
        .addOption(valueOption("--context <name>", "its context (default: its current-context)"));
    return {
        command,
        examples: [
            { line: "coverage --stack site-b manifests/", what: "before workloads are deployed" },
            { line: "coverage --stack site-b --kubeconfig site-b.kubeconfig", what: "of what runs in a cluster" },
            { line: "coverage --stack site-b -", what: "of what another command prints, as: helm template app/ |" },
        ],
        exitCodes: [
            [0, "the mirror has every image"],
            [1, "failed, an image is missing or could not be looked up, or a file or kind of object could not be read"],
            USAGE_CODE,
            ...FAILURE_CODES,
            ...INTERRUPTION_CODES,
        ],
        run: () => {
            requireTogether(command, "--kubeconfig", "--context");
            if (command.args.length === 0 && command.opts<CoverageOptions>().kubeconfig === undefined) {
                command.error("error: give files, or option '--kubeconfig'");
            }
            const { runCoverage } = load("../commands/coverage") as typeof coverageCommand;
            return runCoverage(command.opts<CoverageOptions>(), command.args);
        },
    };
}
