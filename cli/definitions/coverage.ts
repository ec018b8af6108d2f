import { createRequire } from "node:module";
import { Command } from "commander";
import type * as coverageCommand from "../commands/coverage";
import type { CoverageOptions } from "../commands/coverage";
import { type CommandDefinition, INTERRUPTION_CODES, USAGE_CODE } from "./definition";
import { configFileOption, jsonOption, stackOption, valueOption } from "./options";

const load = createRequire(__filename);

export function coverageDefinition(): CommandDefinition {
    const command = new Command("coverage")
        .summary("find images that workloads name and the mirror lacks")
        .description(
            "Reads Kubernetes objects from files, folders or standard input (-), resolves every image that they name " +
                "through the mirror rules of the stack's content, and looks it up with the account that pulls. It lists " +
                "what the mirror lacks, who names it, and what to add to the image set. It changes nothing.\n\n" +
                "Images are those of pods and pod templates in any kind of object, image volumes, RELATED_IMAGE_* of " +
                "operators, ImageStreams and builds, operator bundles, catalogs and releases. Templates must be rendered " +
                "first: helm template, kustomize build.",
        )
        .argument("<files...>", "YAML or JSON files, folders, or - for standard input")
        .addOption(stackOption())
        .addOption(configFileOption())
        .addOption(jsonOption("print one JSON object"))
        .addOption(valueOption("--cluster <name>", "whose workloads they are, where the site has several clusters"))
        .addOption(valueOption("--authfile <file>", "auth file with the account that pulls"));
    return {
        command,
        examples: [
            { line: "coverage --stack site-b manifests/", what: "before workloads are deployed" },
            { line: "coverage --stack site-b -", what: "of what another command prints, as: helm template app/ |" },
        ],
        exitCodes: [
            [0, "the mirror has every image"],
            [1, "failed, an image is missing or could not be looked up, or a file could not be read"],
            USAGE_CODE,
            ...INTERRUPTION_CODES,
        ],
        run: () => {
            const { runCoverage } = load("../commands/coverage") as typeof coverageCommand;
            return runCoverage(command.opts<CoverageOptions>(), command.args);
        },
    };
}
