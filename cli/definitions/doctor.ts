import { createRequire } from "node:module";
import { Command, InvalidArgumentError, Option } from "commander";
import type * as doctorCommand from "../commands/doctor";
import type { DoctorOptions } from "../commands/doctor";
import { type CommandDefinition, FAILURE_CODES, INTERRUPTION_CODES, USAGE_CODE } from "./definition";
import { configFileOption, jsonOption, stackOption, valueOption } from "./options";

const load = createRequire(__filename);

export function doctorDefinition(): CommandDefinition {
    const command = new Command("doctor")
        .summary("check the registry and what stands in front of it, before the first import")
        .description(
            "Checks, in the order in which an import needs it: TLS and GET /v2/; the token service, several times; where " +
                "the registry wants uploads to be sent; an upload of 1 byte, and one of --size; HEAD and GET of both; and " +
                "deletes the test blobs. Each finding says what to change in the registry or in the proxy in front of it.\n\n" +
                "It needs no outputs of the stack. Test blobs go to <mirrorBase>/registry-passthrough/doctor. Where the " +
                "account cannot create repositories (Quay), they go to the repository of the stack's first image.",
        )
        .addOption(stackOption())
        .addOption(configFileOption())
        .addOption(valueOption("--repository <path>", "repository below the mirror base for the test blobs"))
        .addOption(new Option("--size <size>", "size of the large upload (default: 16MB)").argParser(parseSize))
        .addOption(jsonOption("print one JSON object per result"))
        .addOption(valueOption("--authfile <file>", "auth file with the account that pushes"));
    return {
        command,
        examples: [
            { line: "doctor --stack site-b", what: "before the first npm run up" },
            { line: "doctor --size 500MB", what: "find a body limit that only large layers meet" },
        ],
        exitCodes: [
            [0, "no check failed"],
            [1, "failed, or a check failed"],
            USAGE_CODE,
            ...FAILURE_CODES,
            ...INTERRUPTION_CODES,
        ],
        run: () => {
            const { runDoctorCommand } = load("../commands/doctor") as typeof doctorCommand;
            return runDoctorCommand(command.opts<DoctorOptions>());
        },
    };
}

const UNITS: Readonly<Record<string, number>> = { kB: 1e3, MB: 1e6, GB: 1e9, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

/** @returns bytes */
function parseSize(text: string): number {
    const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?)([kMGK]i?B)$/.exec(text) ?? [];
    const bytes = Math.round(Number(number) * (UNITS[unit] ?? 0));
    if (!(bytes > 0)) throw new InvalidArgumentError("It must be a size with its unit, as in 100MB or 1GiB.");
    return bytes;
}
