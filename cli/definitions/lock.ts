import { createRequire } from "node:module";
import { Command, InvalidArgumentError } from "commander";
import type { Override } from "../../lib/mirror/override";
import type * as lockCommand from "../commands/lock";
import type { LockOptions } from "../commands/lock";
import { type CommandDefinition, LOCAL_FAILURE_CODES, USAGE_CODE } from "./definition";
import { configFileOption, jsonOption, repeatedOption, stackOption, valueOption } from "./options";

const load = createRequire(__filename);

export function lockDefinition(): CommandDefinition {
    const command = new Command("lock")
        .summary("read image archives and write their lock files")
        .description(
            "Reads image archives and writes what they contain to lock files. Commit the lock files: a pull request " +
                "shows new content as their diff.\n\n" +
                "Without archives, it reads every set in the stack's site.content. It lists added, changed and " +
                "removed images by name; of a new lock file, the first fifty.\n\n" +
                "--override MATCH=HOST[/REPOSITORY[:TAG]] names the upstream of images whose archive does not: MATCH is a " +
                'pattern over the repository and tag in the archive ("ubi9/**"), HOST the upstream registry. The first ' +
                "match counts. A MATCH without wildcards also replaces a name that the archive gives without a digest.\n\n" +
                "--exclude PATTERN leaves images out: the pattern is compared with their upstream names " +
                '("quay.io/org/app:1.*", "registry.redhat.io/rhel9/**").',
        )
        .argument("[archives...]", "files, folders or patterns of one set (default: the stack's sets)")
        .addOption(stackOption())
        .addOption(configFileOption())
        .option("--check", "write nothing; fail if a lock file differs from its archives")
        .addOption(valueOption("--out <file>", "the lock file of the given archives"))
        .addOption(
            repeatedOption("--override <match=place>", "upstream of the images that match, repeatable", override),
        )
        .addOption(repeatedOption("--exclude <pattern>", "leave out the images that match, repeatable", (text) => text))
        .addOption(
            valueOption(
                "--explain <image>",
                "write nothing; print where the name of an image comes from (or a digest's)",
            ),
        )
        .addOption(jsonOption("print one JSON object per set; with --explain, per image"));
    return {
        command,
        examples: [
            { line: "lock --stack site-b", what: "write the lock files of a stack" },
            { line: "lock --stack site-b --check", what: "check in a pull request that they are up to date" },
            {
                line: "lock --stack site-b --explain quay.io/org/app:1.0",
                what: "say where the name of an image comes from",
            },
            { line: "lock /mnt/transfer/2026-11 --out content/2026-11.lock.json", what: "lock one archive" },
        ],
        exitCodes: [
            [0, "the lock files are written; --check: they match their archives; --explain: the image was found"],
            [1, "failed otherwise; --explain: no set has the image"],
            USAGE_CODE,
            ...LOCAL_FAILURE_CODES,
        ],
        run: () => {
            const options = command.opts<LockOptions>();
            const archives = command.args;
            checkArguments(command, options, archives);
            const { runLock } = load("../commands/lock") as typeof lockCommand;
            return runLock(options, archives);
        },
    };
}

function checkArguments(command: Command, options: LockOptions, archives: readonly string[]): void {
    if (options.explain !== undefined && options.check === true)
        command.error("error: option '--explain' cannot be used with option '--check'");
    if (archives.length === 0) {
        if (options.override !== undefined)
            command.error("error: option '--override' is for given archives; a stack has site.content[].overrides");
        if (options.exclude !== undefined)
            command.error("error: option '--exclude' is for given archives; a stack has site.content[].exclude");
        if (options.out !== undefined) command.error("error: option '--out' is for given archives");
        return;
    }
    if (options.stack !== undefined) command.error("error: option '--stack' cannot be used with archives");
    if (options.configFile !== undefined) command.error("error: option '--config-file' cannot be used with archives");
    if (options.explain !== undefined) {
        if (options.out !== undefined) command.error("error: option '--explain' cannot be used with option '--out'");
        return;
    }
    if (options.out === undefined) command.error("error: archives need option '--out <file>'");
}

function override(text: string): Override {
    const [, match, registry, repository, tag] = /^([^=]+)=([^=/]+)(?:\/([^=:]+)(?::([^=:]+))?)?$/.exec(text) ?? [];
    if (match === undefined || registry === undefined) {
        throw new InvalidArgumentError("Write MATCH=HOST, MATCH=HOST/REPOSITORY or MATCH=HOST/REPOSITORY:TAG.");
    }
    return {
        match,
        registry,
        ...(repository === undefined ? {} : { repository }),
        ...(tag === undefined ? {} : { tag }),
    };
}
