import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { type CommandRun, startPassthrough } from "./passthrough-cli";
import { killTree } from "./processes";
import type { TerminalCommand } from "./terminal";

/** The checkout: what is under test is its compiled program, run by the real engine. */
export const PROJECT = resolve(__dirname, "../..");

export interface CliRun {
    readonly code: number;
    /** stdout and stderr as they came. */
    readonly text: string;
}

export interface StackOptions {
    /** `registry-passthrough:site`. */
    readonly site: unknown;
    readonly username?: string;
    readonly password?: string;
}

/** A Pulumi project. */
export interface StackProject {
    readonly name: string;
    /** The folder with its Pulumi.yaml. */
    readonly folder: string;
}

const OWN: StackProject = { name: "registry-passthrough", folder: PROJECT };

/** A command that runs. */
export interface StartedRun {
    readonly child: ChildProcess;
    readonly done: Promise<CliRun>;
    /** Settles when it has printed something like this. @throws Error if it ends without */
    readonly says: (pattern: RegExp) => Promise<void>;
}

const NAME = "test";

/** A stack with a backend, a passphrase and a configuration of its own, in a temporary folder. */
export class TestStack {
    readonly folder = mkdtempSync(join(tmpdir(), "stack "));
    private readonly env: NodeJS.ProcessEnv;
    private readonly configFile = join(this.folder, `Pulumi.${NAME}.yaml`);
    private readonly running = new Set<ChildProcess>();
    /** What every command printed that was not asked for secrets: it must hold none. */
    printed = "";
    /** Whether `up`, `refresh` and `destroy` preview before they change anything, as people's do. */
    previewsFirst = false;

    private constructor(private readonly project: StackProject) {
        mkdirSync(join(this.folder, "state"));
        this.env = {
            ...process.env,
            PULUMI_BACKEND_URL: `file://${join(this.folder, "state")}`,
            PULUMI_CONFIG_PASSPHRASE: "the passphrase of a test",
            PULUMI_HOME: join(this.folder, "home"),
            XDG_STATE_HOME: join(this.folder, "journals"),
            PULUMI_SKIP_UPDATE_CHECK: "true",
            // Offers --event-log.
            PULUMI_DEBUG_COMMANDS: "true",
            PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
        };
        delete this.env.PULUMI_CONFIG_PASSPHRASE_FILE;
    }

    /** A stack of another project, without configuration. */
    static async ofProject(project: StackProject): Promise<TestStack> {
        const stack = new TestStack(project);
        writeFileSync(join(stack.folder, "Pulumi.yaml"), `name: ${project.name}\nruntime: nodejs\n`);
        return stack.prepared(() => stack.must(["-C", stack.folder, "stack", "init", NAME]));
    }

    /** @param folder a checkout of this project */
    static async create(options: StackOptions, folder = PROJECT): Promise<TestStack> {
        const stack = await TestStack.ofProject({ ...OWN, folder });
        stack.configure(options.site);
        return stack.prepared(async () => {
            if (options.username !== undefined) await stack.setConfig("registryUsername", options.username, false);
            if (options.password !== undefined) await stack.setConfig("registryPassword", options.password, true);
        });
    }

    /** Replaces the site; everything else stays. */
    configure(site: unknown, key = "site"): void {
        const before = parse(readFileSync(this.configFile, "utf8")) as { config?: Record<string, unknown> };
        const config = { ...before.config, [`${this.project.name}:${key}`]: site };
        writeFileSync(this.configFile, JSON.stringify({ ...before, config }, undefined, 2));
    }

    /** Sets an environment variable for later commands; undefined removes it. */
    setVariable(name: string, value: string | undefined): void {
        this.env[name] = value;
    }

    async setConfig(key: string, value: string, isSecret: boolean): Promise<void> {
        const args = ["config", "set", "--config-file", this.configFile, ...(isSecret ? ["--secret"] : []), key];
        const run = await this.run([...args, "--stack", NAME], value);
        if (run.code !== 0) throw new Error(run.text);
    }

    preview(...args: string[]): Promise<CliRun> {
        return this.run(["preview", "--suppress-outputs", ...this.selection(), ...args]);
    }

    /** As `npm run up` does: refresh first, with today's configuration. */
    up(...args: string[]): Promise<CliRun> {
        return this.update("up", ["--refresh", "--run-program", "--suppress-outputs", ...args]);
    }

    /** `up` that trusts the state. */
    upOnly(...args: string[]): Promise<CliRun> {
        return this.update("up", args);
    }

    /** Without a preview first, unless asked for: it runs program and providers once more, which takes half the time. */
    private update(command: "up" | "refresh" | "destroy", args: readonly string[]): Promise<CliRun> {
        const first = this.previewsFirst || args.includes("--skip-preview") ? [] : ["--skip-preview"];
        return this.run([command, "--yes", ...first, ...this.selection(), ...args]);
    }

    refreshPreview(...args: string[]): Promise<CliRun> {
        return this.run(["refresh", "--preview-only", "--run-program", ...this.selection(), ...args]);
    }

    /** Without running the program. */
    refresh(...args: string[]): Promise<CliRun> {
        return this.update("refresh", args);
    }

    cancel(): Promise<CliRun> {
        return this.run(["cancel", "--yes", "--stack", NAME]);
    }

    /** `pulumi install` without internet, which reads no stack. */
    install(): Promise<CliRun> {
        return this.run(["install", "--no-plugins"]);
    }

    /** Starts `up` and gives its process, for tests that end it early or follow what it says. */
    startUp(): StartedRun {
        return this.start(["up", "--yes", "--skip-preview", ...this.selection()]);
    }

    /** Starts `destroy` and gives its process, for tests that end it early. */
    startDestroy(): StartedRun {
        return this.start(["destroy", "--yes", "--skip-preview", ...this.selection()]);
    }

    async outputs(): Promise<Record<string, unknown>> {
        const run = await this.must(["stack", "output", "--json", "--show-secrets", "--stack", NAME]);
        return JSON.parse(run.text) as Record<string, unknown>;
    }

    /** The state as it is stored. */
    async state(...args: string[]): Promise<string> {
        return (await this.must(["stack", "export", "--stack", NAME, ...args])).text;
    }

    /** The stack file, which a repository keeps. */
    stackFile(): string {
        return readFileSync(this.configFile, "utf8");
    }

    /** Another stack file takes its place. */
    useStackFile(text: string): void {
        writeFileSync(this.configFile, text);
    }

    async importState(file: string): Promise<void> {
        await this.must(["stack", "import", "--stack", NAME, "--file", file]);
    }

    /** A command of the project's own command line, about this stack. */
    passthrough(...args: string[]): Promise<CommandRun> {
        return this.startPassthrough(...args).done;
    }

    /** Starts one and gives its process, for tests that end it early. */
    startPassthrough(...args: string[]): { readonly child: ChildProcess; readonly done: Promise<CommandRun> } {
        const own = ["--stack", NAME, "--config-file", this.configFile];
        const { child, done } = startPassthrough([...args, ...own], { cwd: PROJECT, env: this.env });
        this.running.add(child);
        const ended = done.then((run) => {
            this.running.delete(child);
            this.printed += run.out + run.error;
            return run;
        });
        return { child, done: ended };
    }

    destroy(...args: string[]): Promise<CliRun> {
        return this.update("destroy", args);
    }

    async must(args: string[]): Promise<CliRun> {
        const run = await this.run(args);
        if (run.code !== 0) throw new Error(`pulumi ${args.join(" ")}: exit ${run.code}\n${run.text}`);
        return run;
    }

    /** Ends what still runs, with the providers that it has started. */
    remove(): void {
        for (const { pid } of this.running) if (pid !== undefined) killTree(pid);
        // A process that was just killed may still have written.
        rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
    }

    /** On failure nothing of the stack is left. */
    private async prepared(step: () => Promise<unknown>): Promise<this> {
        try {
            await step();
        } catch (error) {
            this.remove();
            throw error;
        }
        return this;
    }

    private selection(): string[] {
        return ["--stack", NAME, "--config-file", this.configFile, "--non-interactive"];
    }

    private run(args: string[], input?: string): Promise<CliRun> {
        return this.start(args, input).done;
    }

    /** A command through the project's wrapper of the CLI, as `npm run pulumi` and `npm run up` do. */
    wrapped(...args: string[]): StartedRun {
        const wrapper = join(PROJECT, "tools/pulumi.mjs");
        return this.start([wrapper, ...args, ...this.selection()], undefined, process.execPath);
    }

    /** As `wrapped`, for a terminal: Pulumi asks there, and draws rows. */
    terminalCommand(...args: string[]): TerminalCommand {
        const wrapper = join(PROJECT, "tools/pulumi.mjs");
        const own = ["--stack", NAME, "--config-file", this.configFile];
        return { argv: [process.execPath, wrapper, ...args, ...own], cwd: this.project.folder, env: this.env };
    }

    /** Writes the files of `passthrough render` to a folder. */
    render(out: string): Promise<CliRun> {
        const main = join(PROJECT, "dist/cli/main.js");
        return this.start([main, "render", "--stack", NAME, "--out", out], undefined, process.execPath).done;
    }

    private start(args: string[], input?: string, program = "pulumi"): StartedRun {
        const child = spawn(program, args, {
            cwd: this.project.folder,
            env: this.env,
            stdio: ["pipe", "pipe", "pipe"],
        });
        this.running.add(child);
        child.once("close", () => this.running.delete(child));
        let text = "";
        const heard = new EventEmitter();
        for (const stream of [child.stdout, child.stderr]) {
            stream.on("data", (chunk: Buffer) => {
                text += chunk.toString("utf8");
                heard.emit("more");
                if (!args.includes("--show-secrets")) this.printed += chunk.toString("utf8");
            });
        }
        child.stdin.end(input ?? "");
        const done = once(child, "close").then(([code]) => ({ code: (code as number | null) ?? 1, text }));
        let isOver = false;
        void done.then(() => {
            isOver = true;
            heard.emit("more");
        });
        const says = async (pattern: RegExp) => {
            while (!pattern.test(text)) {
                if (isOver) throw new Error(`it ended without saying ${String(pattern)}:\n${text}`);
                await once(heard, "more");
            }
        };
        return { child, done, says };
    }
}

/** Where a stack's secrets must not be: what was printed, its state, and the engine's events (`--event-log`). */
export async function readPlaces(stack: TestStack, events: string): Promise<Record<string, string>> {
    return { printed: stack.printed, state: await stack.state(), events: readFileSync(events, "utf8") };
}
