import { createRequire } from "node:module";
import { Command } from "commander";
import type * as verifyCommand from "../commands/verify";
import type { VerifyOptions } from "../commands/verify";
import { type CommandDefinition, FAILURE_CODES, INTERRUPTION_CODES, USAGE_CODE } from "./definition";
import { configFileOption, jsonOption, stackOption, valueOption } from "./options";

const load = createRequire(__filename);

export function verifyDefinition(): CommandDefinition {
    const command = new Command("verify")
        .summary("prove that every image can be pulled through the mirror rules")
        .description(
            "Proves that a cluster can pull every image of the stack: it resolves each image through the mirror rules, " +
                "by digest and by tag, and fetches it with the account that pulls: the manifests with their digests, " +
                "every blob with its size, and some images (site.validation.wholeImages) byte for byte. It changes " +
                "nothing.",
        )
        .addOption(stackOption())
        .addOption(configFileOption())
        .option("--bytes", "read and hash every byte of every image")
        .option("--signatures", "say of each image whether nodes find its signatures and accept them (site.signatures)")
        .addOption(jsonOption("print one JSON object"))
        .addOption(valueOption("--authfile <file>", "auth file with the account that pulls"));
    return {
        command,
        examples: [
            { line: "verify --stack site-b", what: "before mirror rules go to a cluster" },
            { line: "verify --bytes --stack site-b", what: "find damaged blobs" },
            { line: "verify --signatures --stack site-b", what: "before nodes ask for signatures" },
        ],
        exitCodes: [
            [0, "every image is proven"],
            [1, "failed, or an image is missing, wrong, refused by nodes or could not be read"],
            USAGE_CODE,
            ...FAILURE_CODES,
            ...INTERRUPTION_CODES,
        ],
        run: () => {
            const { runVerify } = load("../commands/verify") as typeof verifyCommand;
            return runVerify(command.opts<VerifyOptions>());
        },
    };
}
