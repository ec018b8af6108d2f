import type { ChildProcess } from "node:child_process";
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Lock, parseLock, writeLock } from "../../lib/lock";
import { describeArchive, openArchive } from "../../lib/archives";
import type { Credentials } from "../../lib/http/credentials";
import { secretForms } from "../../lib/redaction/redaction";
import { type TestAuthority, testAuthority } from "./certificates";
import { type CommandRun, passthrough, startPassthrough } from "./passthrough-cli";
import { RegistryProcess, type RegistryProcessOptions } from "./registry-process";
import { ACCOUNT, FIXTURES } from "./site";

const ACCOUNT_VARIABLES = {
    REGISTRY_PASSTHROUGH_USERNAME: ACCOUNT.username,
    REGISTRY_PASSTHROUGH_PASSWORD: ACCOUNT.password,
};

/** A registry with TLS and an account, and a folder with a stack's file: all that the command line needs, no engine. */
export class CommandSite {
    /** Everything that commands printed. */
    said = "";
    private readonly sets: { archive: string; lock: string }[] = [];

    private constructor(
        readonly folder: string,
        readonly registry: RegistryProcess,
    ) {}

    /** @param fixtures oc-mirror archives, in the order of the stack's content */
    static async create(...fixtures: string[]): Promise<CommandSite> {
        return CommandSite.createWith({}, ...fixtures);
    }

    /** @param options `authority` issued the certificate in `tls`; default: a new one, for localhost */
    static async createWith(
        { authority: given, ...options }: RegistryProcessOptions & { readonly authority?: TestAuthority },
        ...fixtures: string[]
    ): Promise<CommandSite> {
        const authority = given ?? (await testAuthority());
        const registry = await RegistryProcess.start({ tls: await authority.issue(), account: ACCOUNT, ...options });
        const site = new CommandSite(mkdtempSync(join(tmpdir(), "command site ")), registry);
        writeFileSync(join(site.folder, "ca.crt"), authority.ca);
        writeFileSync(join(site.folder, "Pulumi.yaml"), "name: registry-passthrough\nruntime: nodejs\n");
        for (const fixture of fixtures) await site.addSet(fixture);
        site.configure({});
        return site;
    }

    /** Writes the stack's file, with changes of the site's registry and of how it is asked, and more keys of the site. */
    configure(registry: object, transfer: object = {}, more: object = {}): void {
        const site = {
            registry: { type: "distribution", mirrorBase: `${this.registry.host}/mirror`, ca: "ca.crt", ...registry },
            transfer: { retrySeconds: 1, ...transfer },
            content: this.sets,
            ...more,
        };
        writeFileSync(
            join(this.folder, "Pulumi.dev.yaml"),
            JSON.stringify({ config: { "registry-passthrough:site": site } }),
        );
    }

    /** Runs a command with the account in the environment. */
    run(...args: string[]): Promise<CommandRun> {
        return this.runAs(ACCOUNT, ...args);
    }

    runAs({ username, password }: Credentials, ...args: string[]): Promise<CommandRun> {
        return this.remember(
            passthrough(args, {
                cwd: this.folder,
                env: { REGISTRY_PASSTHROUGH_USERNAME: username, REGISTRY_PASSTHROUGH_PASSWORD: password },
            }),
        );
    }

    /** Runs a command with the account and more in the environment. */
    runWith(env: NodeJS.ProcessEnv, ...args: string[]): Promise<CommandRun> {
        return this.remember(passthrough(args, { cwd: this.folder, env: { ...ACCOUNT_VARIABLES, ...env } }));
    }

    /** Runs a command with the account in the environment and these bytes as standard input. */
    runOn(input: Buffer, ...args: string[]): Promise<CommandRun> {
        return this.remember(passthrough(args, { cwd: this.folder, env: ACCOUNT_VARIABLES, input }));
    }

    /** Runs a command without an account in the environment. */
    runBare(...args: string[]): Promise<CommandRun> {
        return this.remember(passthrough(args, { cwd: this.folder }));
    }

    start(...args: string[]): { child: ChildProcess; done: Promise<CommandRun> } {
        return this.startWith({}, ...args);
    }

    /** Starts a command whose standard input is written, and not ended, by the caller. */
    startOpen(...args: string[]): { child: ChildProcess; done: Promise<CommandRun> } {
        return this.startWith({ input: "open" }, ...args);
    }

    /** A docker-style file with the account. */
    authFile(): string {
        const path = join(this.folder, "auth.json");
        const auth = Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString("base64");
        writeFileSync(path, JSON.stringify({ auths: { [this.registry.host]: { auth } } }));
        chmodSync(path, 0o600);
        return path;
    }

    /** What must never be said. */
    secretForms(): string[] {
        return secretForms(ACCOUNT);
    }

    /** Digest of the largest blob of the first set. */
    largestBlob(): string {
        const { blobs }: Lock = parseLock(readFileSync(join(this.folder, "set1.lock.json"), "utf8"), "set1");
        const [largest] = Object.entries(blobs).sort(([, a], [, b]) => b - a);
        return largest?.[0] ?? "";
    }

    async remove(): Promise<void> {
        await this.registry.stop();
        rmSync(this.folder, { recursive: true, force: true });
    }

    private async addSet(fixture: string): Promise<void> {
        const name = `set${this.sets.length + 1}`;
        cpSync(join(FIXTURES, fixture), join(this.folder, name), { recursive: true });
        const archive = await openArchive(join(this.folder, name));
        try {
            await writeLock(join(this.folder, `${name}.lock.json`), (await describeArchive(archive, [])).lock);
        } finally {
            await archive.close();
        }
        this.sets.push({ archive: name, lock: `${name}.lock.json` });
    }

    private startWith(input: { readonly input?: "open" }, ...args: string[]) {
        const { child, done } = startPassthrough(args, { cwd: this.folder, env: ACCOUNT_VARIABLES, ...input });
        return { child, done: this.remember(done) };
    }

    private async remember(done: Promise<CommandRun>): Promise<CommandRun> {
        const run = await done;
        this.said += run.out + run.error;
        return run;
    }
}
