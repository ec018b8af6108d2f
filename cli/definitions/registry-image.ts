import { createRequire } from "node:module";
import { Command } from "commander";
import type * as registryImageCommand from "../commands/registry-image";
import type { RegistryImageOptions } from "../commands/registry-image";
import { type CommandDefinition, SETUP_CODE, USAGE_CODE } from "./definition";
import { jsonOption, valueOption } from "./options";

const load = createRequire(__filename);

export function registryImageDefinition(): CommandDefinition {
    const command = new Command("registry-image")
        .summary("make the image of a plain registry, for a site that has no registry yet")
        .description(
            "Writes an OCI archive with the registry program of this machine (distribution), and prints the name for " +
                "registry.deploy. It needs no network, no registry and no Docker: the program is statically linked, so the " +
                "image has no base image. The same program makes the same digest.",
        )
        .argument("<file>", "the archive to write; a file that is there is replaced")
        .addOption(
            valueOption(
                "--program <path>",
                "a registry program for Linux, of any architecture (default: the project's own)",
            ),
        )
        .addOption(valueOption("--name <repository>", "host/repository of the image (default: localhost/distribution)"))
        .addOption(jsonOption("print one JSON object"));
    return {
        command,
        examples: [
            { line: "registry-image distribution.tar", what: "with the registry of this machine" },
            { line: "registry-image distribution.tar --program ./registry", what: "of a release, for other machines" },
        ],
        exitCodes: [[0, "the archive is written"], [1, "failed"], USAGE_CODE, SETUP_CODE],
        run: () => {
            const { runRegistryImage } = load("../commands/registry-image") as typeof registryImageCommand;
            return runRegistryImage(command.args[0] ?? "", command.opts<RegistryImageOptions>());
        },
    };
}
