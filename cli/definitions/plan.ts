import { createRequire } from "node:module";
import { Command, Option } from "commander";
import { NOTHING_IMPORTED } from "../stack/nothing-imported";
import type * as planCommand from "../commands/plan";
import type { PlanOptions } from "../commands/plan";
import { type CommandDefinition, FAILURE_CODES, INTERRUPTION_CODES, USAGE_CODE } from "./definition";
import { configFileOption, jsonOption, repeatedOption, requireTogether, stackOption, valueOption } from "./options";

const load = createRequire(__filename);

export function planDefinition(): CommandDefinition {
    const command = new Command("plan")
        .summary("show what an import would do: exactly, or offline")
        .description(
            "Shows what an import of the stack's sets would do, and changes nothing.\n\n" +
                "It asks the registry with the account that pushes, so the plan is exact: for each image whether it is " +
                "present, is pushed, only gets its tag, or is blocked; the blobs to mount and to upload; the bytes. " +
                "Present means that the tag has the right digest: verify checks the manifests and blobs below it, and " +
                "npm run up repairs them.\n\n" +
                "With --offline it needs no network: it compares configuration and lock files with the last up. Images are " +
                'listed by name, bytes as "at most". Sources of the mirror rules and objects for clusters that change are ' +
                "listed too, with what nodes do when the rules are applied.\n\n" +
                "With --repositories it only prints the repositories that the images go to, one a line, also without " +
                "network: for a registry that creates none with the first push (ECR).\n\n" +
                "With --signatures it only judges the signatures in the archives with the policies of site.signatures, " +
                "before anything is sent and without network: which images nodes will refuse once all is in the mirror.",
        )
        .addOption(stackOption())
        .addOption(configFileOption())
        .addOption(jsonOption("print one JSON object"))
        .option("--exit-code", "exit with 3 if an import, or offline an up, would change something")
        .addOption(valueOption("--authfile <file>", "auth file with the account that pushes").conflicts("offline"))
        .option("--offline", "compare configuration and lock files with the last up, without network")
        .addOption(
            repeatedOption(
                "--against <path>",
                `with --offline, repeatable: a lock file, stack outputs or state, a folder; or "${NOTHING_IMPORTED}"`,
                (file) => file,
            ),
        )
        .addOption(
            new Option("--markdown", "with --offline: print a comment for a pull request, below 60 kB").conflicts(
                "json",
            ),
        )
        .addOption(
            new Option("--repositories", "print the repositories at the registry, and nothing else").conflicts([
                "offline",
                "authfile",
                "exitCode",
            ]),
        )
        .addOption(
            new Option("--signatures", "judge the signatures in the archives, and nothing else").conflicts([
                "offline",
                "authfile",
                "exitCode",
                "repositories",
            ]),
        );
    return {
        command,
        examples: [
            { line: "plan --stack site-b", what: "what would be pushed, asking the registry" },
            { line: "plan --offline --stack site-b --markdown", what: "a comment for a pull request" },
            { line: "plan --repositories --stack site-b", what: "the repositories to create at a registry like ECR" },
            { line: "plan --signatures --stack site-b", what: "images that nodes would refuse, before the push" },
            { line: "plan --offline --against ../base", what: "compare with a checkout of another branch" },
            { line: "plan --offline --against base.json --exit-code", what: "compare with an earlier lock file" },
        ],
        exitCodes: [
            [0, "the plan is printed"],
            [1, "failed, or an image is blocked"],
            USAGE_CODE,
            [3, "--exit-code: something would change"],
            [4, "nodes will refuse a release of 4.21 or later, or, with --signatures, an image"],
            ...FAILURE_CODES,
            ...INTERRUPTION_CODES,
        ],
        run: () => {
            requireTogether(command, "--offline", "--against", "--markdown");
            const options = command.opts<PlanOptions>();
            const { against = [] } = options;
            if (against.length > 1 && against.includes(NOTHING_IMPORTED))
                command.error(`error: '--against ${NOTHING_IMPORTED}' cannot be used with other files`);
            const { runPlan } = load("../commands/plan") as typeof planCommand;
            return runPlan(options);
        },
    };
}
