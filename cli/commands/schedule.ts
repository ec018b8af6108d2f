import { existsSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { PassthroughError } from "../../lib/errors/errors";
import { EXIT_OK } from "../exit-codes";
import { selectedStack } from "../stack/selected-stack";
import { stackName } from "../stack/stack-file";
import { print } from "../terminal/output";
import { replaceFiles } from "./replace-file";
import { cronJobFiles } from "./schedule-cronjob";
import { systemdFiles } from "./schedule-systemd";
import type { Schedule, ScheduleFiles } from "./schedule-files";

export type ScheduleTarget = "systemd" | "kubernetes";
type Variables = readonly (readonly [name: string, value: string])[];

export interface ScheduleOptions {
    readonly stack?: string;
    readonly backendUrl: string;
    readonly at?: string;
    readonly secretFile?: Variables;
    readonly env?: Variables;
    readonly out?: string;
    readonly user?: string;
    readonly metrics?: string;
    readonly onFailure?: string;
    readonly image?: string;
    readonly secret?: string;
    readonly stateClaim?: string;
    readonly json?: boolean;
}

const PASSPHRASE = "PULUMI_CONFIG_PASSPHRASE_FILE";

/** Writes the nightly check of a stack as files for systemd or Kubernetes. */
export async function runSchedule(target: ScheduleTarget, options: ScheduleOptions): Promise<number> {
    const stack = stackName({ stack: selectedStack(options.stack) });
    const folder = options.out ?? join("out", stack, target);
    const files = target === "systemd" ? systemd(stack, options) : kubernetes(stack, options);
    const paths = await replaceFiles(folder, files);
    print(options.json === true ? JSON.stringify({ files: paths }) : `written: ${paths.join(", ")}`);
    return EXIT_OK;
}

function systemd(stack: string, options: ScheduleOptions): ScheduleFiles {
    const passphrase = `/etc/registry-passthrough/${stack}.passphrase`;
    const schedule = commonSchedule(stack, options, passphrase);
    const relative = [...schedule.secretFiles].find(([, file]) => !file.startsWith("/"));
    if (relative !== undefined) throw invalid(stack, `${relative[1]} is no absolute path`, "give --secret-file one");
    const folder = process.cwd();
    // A checkout compiles its sources if needed, and has its own Pulumi CLI.
    const wrapper = join(folder, "tools", "passthrough.mjs");
    return systemdFiles(schedule, {
        folder,
        node: process.execPath,
        script: existsSync(wrapper) ? wrapper : join(folder, "dist", "cli", "main.js"),
        path: searchPath(),
        user: options.user ?? "registry-passthrough",
        metrics: options.metrics === undefined ? undefined : resolve(options.metrics),
        onFailure: options.onFailure,
    });
}

function kubernetes(stack: string, options: ScheduleOptions): ScheduleFiles {
    const { image = "", secret, stateClaim, backendUrl } = options;
    const schedule = commonSchedule(stack, options, "passphrase");
    const { name } = schedule;
    // Kubernetes: names of CronJobs have at most 52 characters.
    if (!/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name) || name.length > 52)
        throw invalid(stack, `${name} is no name of a CronJob`, "use lower case, digits and -, at most 34 characters");
    const state = stateClaim === undefined ? undefined : { claim: stateClaim, path: new URL(backendUrl).pathname };
    return cronJobFiles(schedule, { image, secret: secret ?? name, state });
}

function commonSchedule(stack: string, options: ScheduleOptions, passphrase: string): Schedule {
    const { at = "02:15", env = [], secretFile = [], backendUrl } = options;
    if (!/^[\w.-]+$/.test(stack)) throw invalid(stack, "the stack's name has other characters", "use A-Z, 0-9, _ . -");
    const [hour = 0, minute = 0] = at.split(":").map(Number);
    return {
        stack,
        name: `passthrough-check-${stack}`,
        hour,
        minute,
        variables: new Map([["PULUMI_BACKEND_URL", backendUrl], ["PULUMI_SKIP_UPDATE_CHECK", "true"], ...env]),
        secretFiles: new Map([[PASSPHRASE, passphrase], ...secretFile]),
    };
}

/** The folders of Node.js and of the Pulumi CLI as they are found here, before those of every system. */
function searchPath(): string {
    const pulumi = (process.env.PATH ?? "").split(delimiter).find((folder) => existsSync(join(folder, "pulumi")));
    const own = [dirname(process.execPath), ...(pulumi === undefined ? [] : [resolve(pulumi)])];
    return [...new Set([...own, "/usr/local/bin", "/usr/bin", "/bin"])].join(delimiter);
}

function invalid(stack: string, problem: string, fix: string): PassthroughError {
    return new PassthroughError(problem, { code: "CONFIG_INVALID", thing: `schedule of ${stack}`, fix });
}
