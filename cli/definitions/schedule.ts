import { createRequire } from "node:module";
import { Argument, Command, InvalidArgumentError, Option } from "commander";
import type * as scheduleCommand from "../commands/schedule";
import type { ScheduleOptions, ScheduleTarget } from "../commands/schedule";
import { type CommandDefinition, SETUP_CODE, USAGE_CODE } from "./definition";
import { jsonOption, repeatedOption, stackOption, valueOption } from "./options";

const load = createRequire(__filename);

export function scheduleDefinition(): CommandDefinition {
    const command = new Command("schedule")
        .summary("write the nightly check as systemd units or as a Kubernetes CronJob")
        .description(
            "Writes files that run check every night: a systemd service with its timer and alert, or a CronJob. Drift (exit " +
                "code 7) alerts at once; an unknown result (1) is tried again first. Secrets are read from files: systemd " +
                "credentials, or the keys of a Kubernetes Secret. They are in no unit, manifest or argument.",
        )
        .addArgument(new Argument("<target>", "systemd or kubernetes").choices(["systemd", "kubernetes"]))
        .addOption(stackOption())
        .addOption(valueOption("--backend-url <url>", "where the stack's state is").makeOptionMandatory())
        .addOption(new Option("--at <HH:MM>", "time of day; local for systemd (default: 02:15)").argParser(parseTime))
        .addOption(
            repeatedOption("--secret-file <variable=file>", "a file or key with a secret, repeatable", parsePair),
        )
        .addOption(repeatedOption("--env <variable=value>", "a variable that is no secret, repeatable", parsePair))
        .addOption(valueOption("--out <folder>", "where to write (default: out/<stack>/<target>)"))
        .addOption(valueOption("--user <name>", "systemd: who runs the check (default: registry-passthrough)"))
        .addOption(valueOption("--metrics <file>", "systemd: write metrics for node_exporter"))
        .addOption(valueOption("--on-failure <unit>", "systemd: a unit of yours in place of the alert"))
        .addOption(valueOption("--image <image>", "kubernetes: the image with the program and the site"))
        .addOption(valueOption("--secret <name>", "kubernetes: the Secret (default: passthrough-check-<stack>)"))
        .addOption(valueOption("--state-claim <name>", "kubernetes: a volume claim for a file:// backend"))
        .addOption(jsonOption("print the written paths as one JSON object"));
    return {
        command,
        examples: [
            { line: "schedule systemd --stack site-b --backend-url file:///srv/state", what: "on a host at the site" },
            {
                line: "schedule kubernetes --stack site-b --backend-url s3://state --image registry.example/sites:1",
                what: "in a cluster",
            },
        ],
        exitCodes: [[0, "the files are written"], [1, "failed"], USAGE_CODE, SETUP_CODE],
        run: () => {
            const target = command.args[0] as ScheduleTarget;
            const options = command.opts<ScheduleOptions>();
            checkOptions(command, target, options);
            const { runSchedule } = load("../commands/schedule") as typeof scheduleCommand;
            return runSchedule(target, options);
        },
    };
}

const ONLY_FOR: Readonly<Record<ScheduleTarget, readonly (keyof ScheduleOptions)[]>> = {
    systemd: ["user", "metrics", "onFailure"],
    kubernetes: ["image", "secret", "stateClaim"],
};

function checkOptions(command: Command, target: ScheduleTarget, options: ScheduleOptions): void {
    const other = target === "systemd" ? "kubernetes" : "systemd";
    const wrong = ONLY_FOR[other].find((name) => options[name] !== undefined);
    if (wrong !== undefined) {
        const flag = command.options.find((option) => option.attributeName() === wrong)?.long ?? wrong;
        command.error(`error: option '${flag}' is for ${other}`);
    }
    const { backendUrl } = options;
    if (/^[a-z0-9+.-]+:\/\/[^/@]*:[^/@]*@/i.test(backendUrl))
        command.error(
            "error: option '--backend-url' holds a password: give it with --secret-file, for example PGPASSFILE=<file>",
        );
    if (target === "systemd") return;
    if (options.image === undefined) command.error("error: 'schedule kubernetes' needs option '--image <image>'");
    if (backendUrl.startsWith("file:") !== (options.stateClaim !== undefined))
        command.error("error: a file:// backend needs option '--state-claim <name>', and no other backend does");
}

function parseTime(text: string): string {
    if (!/^([01]\d|2[0-3]):[0-5]\d$/.test(text)) throw new InvalidArgumentError("Write it as 02:15.");
    return text;
}

/** Names that are rejected: such values are secrets, and the files are committed. */
const SECRET_NAME = /(PASSPHRASE|PASSWORD|SECRET|TOKEN)(?!.*_FILE$)|_KEY$|GOOGLE_CREDENTIALS$/i;

function parsePair(text: string): readonly [name: string, value: string] {
    const [, name, value] = /^([A-Za-z_]\w*)=([^\p{Cc}]+)$/u.exec(text) ?? [];
    if (name === undefined || value === undefined) throw new InvalidArgumentError("Write VARIABLE=value, on one line.");
    if (SECRET_NAME.test(name))
        throw new InvalidArgumentError(`${name} is a secret: use a variable that names a file.`);
    return [name, value];
}
