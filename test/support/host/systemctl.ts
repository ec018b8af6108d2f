import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { Ended, type HostState, fail, runningContainer } from "./host-state";

/** systemctl(1), systemd.unit(5): %t is the folder of runtime files, %n the name of the unit. */
export class Systemctl {
    /**
     * @param root folder of the host's files
     * @param env of what units run
     */
    constructor(
        private readonly root: string,
        private readonly state: HostState,
        private readonly env: NodeJS.ProcessEnv,
    ) {}

    /** @returns what it prints */
    async call(args: readonly string[]): Promise<string> {
        const { state } = this;
        const [verb = "", ...named] = args.filter((word) => !["--quiet", "--now"].includes(word));
        if (verb === "daemon-reload" && named.length === 0) return "";
        const isQuiet = args.includes("--quiet");
        if (verb === "is-active")
            return report(
                named.map((unit) => this.isActive(unit)),
                isQuiet ? undefined : ["active", "inactive"],
                3,
            );
        if (verb === "is-enabled")
            return report(
                named.map((unit) => state.enabled.includes(unit)),
                isQuiet ? undefined : ["enabled", "disabled"],
                1,
            );
        for (const unit of named) this.requireUnit(unit);
        if (verb === "enable") state.enabled = [...new Set([...state.enabled, ...named])];
        else if (verb === "disable") {
            state.enabled = state.enabled.filter((unit) => !named.includes(unit));
            if (args.includes("--now")) for (const unit of named) await this.stop(unit);
        } else if (verb === "start")
            for (const unit of named.filter((one) => !this.isActive(one))) await this.start(unit);
        else if (verb === "restart") {
            // Requires= passes a restart on.
            const all = [...named, ...state.active.filter((unit) => named.some((one) => this.requires(unit, one)))];
            for (const unit of all) await this.stop(unit);
            for (const unit of all) await this.start(unit);
        } else fail(`systemctl stand-in: unknown: ${args.join(" ")}`);
        return "";
    }

    private text(unit: string): string {
        return readFileSync(join(this.root, "etc/systemd/system", unit), "utf8");
    }

    private requireUnit(unit: string): void {
        if (!existsSync(join(this.root, "etc/systemd/system", unit)))
            fail(`Failed to enable unit: Unit file ${unit} does not exist.`, 1);
    }

    private isActive(unit: string): boolean {
        const name = unit.replace(".service", "");
        const isContainer = this.state.containers[name] !== undefined;
        return this.state.active.includes(unit) && (!isContainer || runningContainer(this.state, name) !== undefined);
    }

    private requires(unit: string, other: string): boolean {
        return this.text(unit).split("\n").includes(`Requires=${other}`);
    }

    private async start(unit: string): Promise<void> {
        for (const key of ["ExecStartPre", "ExecStart"]) await this.execute(unit, key);
        this.state.active = [...this.state.active, unit];
    }

    private async stop(unit: string): Promise<void> {
        for (const key of ["ExecStop", "ExecStopPost"]) await this.execute(unit, key);
        this.state.active = this.state.active.filter((one) => one !== unit);
    }

    private async execute(unit: string, key: string): Promise<void> {
        for (const [, command = ""] of this.text(unit).matchAll(new RegExp(`^${key}=(.*)$`, "gm"))) {
            const line = command.replaceAll("%t", join(this.root, "run")).replaceAll("%n", unit);
            const [program = "", ...words] = line.split(" ");
            await promisify(execFile)(program, words, { env: this.env }).catch((error: { stderr?: string }) =>
                fail(
                    `Job for ${unit} failed because the control process exited with error code.\n${error.stderr ?? String(error)}`,
                    1,
                ),
            );
        }
    }
}

/** is-active and is-enabled: status 0 if at least one is. @param words printed for each; undefined: nothing is */
function report(found: readonly boolean[], words: readonly [yes: string, no: string] | undefined, status: number) {
    const lines = words === undefined ? "" : found.map((is) => `${is ? words[0] : words[1]}\n`).join("");
    if (found.some(Boolean)) return lines;
    throw new Ended(status, lines, "");
}
