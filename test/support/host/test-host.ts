import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { end } from "../processes";
import { type CommandFate, SshServer } from "../ssh-server";
import { Ended, type HostState, newState } from "./host-state";
import { nft } from "./nft";
import { Podman } from "./podman";
import { type Program, ProgramServer } from "./program-server";
import { Systemctl } from "./systemctl";

/** A host that is reached over SSH: the real `sh`, coreutils and registry, and stand-ins of what needs a whole machine. */
export class TestHost {
    fate: (command: string) => CommandFate = () => "run";
    /** Of the stand-ins; a test may change it. */
    readonly state: HostState = newState();

    private constructor(
        readonly server: SshServer,
        private readonly programs: ProgramServer,
        readonly root: string,
        /** Of its commands; a test may change it. */
        readonly env: NodeJS.ProcessEnv,
    ) {}

    static async start(): Promise<TestHost> {
        const root = mkdtempSync(join(tmpdir(), "host-"));
        for (const folder of ["bin", "etc/systemd/system", "run/systemd/system"])
            mkdirSync(join(root, folder), { recursive: true });
        writeFileSync(join(root, "etc/machine-id"), `${"0123456789abcdef".repeat(2)}\n`);
        const env: NodeJS.ProcessEnv = { PATH: `${join(root, "bin")}:${process.env.PATH ?? ""}` };
        const programs = await ProgramServer.start(join(root, "bin"), {
            podman: program((args) => new Podman(root, host.state).call(args)),
            systemctl: program((args) => new Systemctl(root, host.state, env).call(args)),
            nft: program((args) => nft(host.state, args)),
            journalctl: program(() => "registry: the words of the journal\n"),
        });
        const server = await SshServer.start({
            env,
            fate: (command) => host.fate(command),
            rewrite: (command) =>
                command.replaceAll(/(?<![\w/])\/(etc\/systemd|run\/systemd|etc\/machine-id)/g, `${root}/$1`),
        });
        const host = new TestHost(server, programs, root, env);
        // What is waited for has happened: each command of the stand-ins ends when it is done.
        host.program("sleep", "");
        return host;
    }

    /** A program of the host, in place of the machine's own. */
    program(name: string, script: string): void {
        writeFileSync(join(this.root, "bin", name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }

    /** Ends the process of a container, as the kernel does when it lacks memory. */
    async kill(container: string): Promise<void> {
        const found = this.state.containers[container];
        if (found === undefined || !(await end(found.process))) throw new Error(`${container} does not run`);
    }

    async stop(): Promise<void> {
        for (const { process } of Object.values(this.state.containers)) await end(process);
        await this.server.stop();
        await this.programs.stop();
        rmSync(this.root, { recursive: true, force: true });
    }
}

/** @param call gives what the program prints, or throws how it ended */
function program(call: (args: readonly string[]) => string | Promise<string>): Program {
    return async (args) => {
        try {
            return { status: 0, stdout: await call(args), stderr: "" };
        } catch (error) {
            if (error instanceof Ended) return error;
            throw error;
        }
    };
}
