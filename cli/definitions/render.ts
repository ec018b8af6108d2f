import { createRequire } from "node:module";
import { Command } from "commander";
import { RENDERED_FILES } from "../commands/rendered-files";
import type * as renderCommand from "../commands/render";
import type { RenderOptions } from "../commands/render";
import { type CommandDefinition, LOCAL_FAILURE_CODES, USAGE_CODE } from "./definition";
import { configFileOption, jsonOption, stackOption, valueOption } from "./options";

const load = createRequire(__filename);

export function renderDefinition(): CommandDefinition {
    const command = new Command("render")
        .summary("write what a cluster needs as files: mirror rules, catalogs, signatures")
        .description(
            "Writes the stack's outputs for a cluster as files for GitOps. A file without content is not written. For each of " +
                "cluster.targets, for networkAccess and for cluster.roles there is a folder (docs/outputs.md). Outputs of " +
                "another mirror base than that of the stack file are rejected.\n\n" +
                "The list .rendered-<stack> names what was written. The next run deletes what it does not write any more, " +
                "unless it was changed since; files that are not on the list are never deleted.\n\n" +
                "With --offline the files are computed from the configuration and the lock files, for a pull request: without " +
                "an up, the Pulumi CLI, a registry or an archive. They are the same, byte for byte, as after the up.\n\n" +
                "Secrets are not written. The pull secret: npm run -s pulumi -- stack output pullSecret --show-secrets. With a client " +
                "certificate, MachineConfigs with it and its key: the output clientMachineConfigs.",
        )
        .addOption(stackOption())
        .addOption(configFileOption())
        .addOption(valueOption("--out <folder>", "where to write (default: out/<stack>)"))
        .option("--offline", "compute the files from the configuration and the lock files")
        .addOption(jsonOption("print the written paths as one JSON object"))
        .addHelpText("after", `\n${["Files:", ...RENDERED_FILES.map(listed)].join("\n")}`);
    return {
        command,
        examples: [
            { line: "render --stack site-b", what: "write the files to out/site-b" },
            { line: "render --stack site-b --out clusters/site-b/mirror", what: "write them into a GitOps repository" },
            { line: "render --offline --stack site-b", what: "write what they will be after the next up" },
        ],
        exitCodes: [[0, "the files are written"], [1, "failed"], USAGE_CODE, ...LOCAL_FAILURE_CODES],
        run: () => {
            const { runRender } = load("../commands/render") as typeof renderCommand;
            return runRender(command.opts<RenderOptions>());
        },
    };
}

function listed({ name, what }: (typeof RENDERED_FILES)[number]): string {
    return `  ${name.padEnd(24)} ${what}`;
}
