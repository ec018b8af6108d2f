import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROJECT } from "../stack";
import { type CommandFate, SshServer } from "../ssh-server";

/** What the stand-ins of a host know. */
interface HostState {
    readonly images: Readonly<Record<string, { readonly names: readonly string[] }>>;
    readonly containers: Readonly<Record<string, { readonly pid: number }>>;
    readonly enabled: readonly string[];
    readonly active: readonly string[];
    /** Rules by the name of their table. */
    readonly tables: Readonly<Record<string, string>>;
    /** Of podman. */
    readonly version: string;
    /** Names of containers in the order in which they were started. */
    readonly starts: readonly string[];
}

const PROGRAMS = ["podman", "systemctl", "nft", "journalctl"];

/** A host that is reached over SSH: the real `sh`, coreutils and registry, and stand-ins of what needs a whole machine. */
export class TestHost {
    fate: (command: string) => CommandFate = () => "run";

    private constructor(
        readonly server: SshServer,
        readonly root: string,
    ) {}

    static async start(): Promise<TestHost> {
        const root = mkdtempSync(join(tmpdir(), "host-"));
        for (const folder of ["bin", "etc/systemd/system", "run/systemd/system"])
            mkdirSync(join(root, folder), { recursive: true });
        writeFileSync(join(root, "etc/machine-id"), `${"0123456789abcdef".repeat(2)}\n`);
        for (const name of PROGRAMS) {
            const script = join(PROJECT, "test/support/host/programs.mjs");
            const text = `#!/bin/sh\nHOST_ROOT='${root}' exec '${process.execPath}' '${script}' ${name} "$@"\n`;
            writeFileSync(join(root, "bin", name), text, { mode: 0o755 });
        }
        // What is waited for has happened: each command of the stand-ins ends when it is done.
        writeFileSync(join(root, "bin/sleep"), "#!/bin/sh\n", { mode: 0o755 });
        const env = { PATH: `${join(root, "bin")}:${process.env.PATH ?? ""}` };
        const server = await SshServer.start({
            env,
            fate: (command) => host.fate(command),
            rewrite: (command) =>
                command.replaceAll(/(?<![\w/])\/(etc\/systemd|run\/systemd|etc\/machine-id)/g, `${root}/$1`),
        });
        const host = new TestHost(server, root);
        host.change({ images: {}, containers: {}, enabled: [], active: [], tables: {}, version: "4.9.4", starts: [] });
        return host;
    }

    state(): HostState {
        return JSON.parse(readFileSync(join(this.root, "state.json"), "utf8")) as HostState;
    }

    change(changes: Partial<HostState>): void {
        const file = join(this.root, "state.json");
        writeFileSync(file, JSON.stringify({ ...(Object.keys(changes).length < 7 ? this.state() : {}), ...changes }));
    }

    /** A program of the host, in place of the machine's own. */
    program(name: string, script: string): void {
        writeFileSync(join(this.root, "bin", name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }

    async stop(): Promise<void> {
        for (const { pid } of Object.values(this.state().containers)) {
            try {
                process.kill(pid, "SIGKILL");
            } catch {
                // It has ended.
            }
        }
        await this.server.stop();
        rmSync(this.root, { recursive: true, force: true });
    }
}
