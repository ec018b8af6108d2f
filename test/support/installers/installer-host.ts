import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
    appendFileSync,
    cpSync,
    existsSync,
    mkdirSync,
    mkdtempSync,
    readFileSync,
    rmSync,
    writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { InstalledKind } from "../../../lib/installers";
import { type CommandFate, SshServer } from "../ssh-server";

const GIB = 1024 ** 3;

/** What a host shows of itself, that tests change. */
export interface HostFacts {
    memory: number;
    /** Free space in KiB. */
    disk: number;
    /** Lines of `ss -Hltnp`. */
    listeners: string[];
}

/**
 * A host for installers, reached over SSH: commands run for real, with stand-ins of what would change this machine (systemd,
 * Docker) in front on PATH. Everything is below one folder.
 */
export class InstallerHost {
    readonly facts: HostFacts = { memory: 16 * GIB, disk: 500 * 1024 ** 2, listeners: [] };
    /** Decides about commands that arrive. */
    fate: (command: string) => CommandFate = () => "run";
    readonly state: string;
    /** Of the installation. */
    readonly directory: string;
    private readonly programs: string;

    private constructor(
        readonly home: string,
        private readonly env: NodeJS.ProcessEnv,
    ) {
        this.state = join(home, "state");
        this.directory = join(home, "opt", "registry");
        this.programs = join(home, "programs");
    }

    /** @param env more of the environment of its commands */
    static async start(env: NodeJS.ProcessEnv = {}): Promise<{ host: InstallerHost; server: SshServer }> {
        const home = mkdtempSync(join(tmpdir(), "host-"));
        const host = new InstallerHost(home, { ...env });
        mkdirSync(host.state);
        cpSync(join(__dirname, "programs"), host.programs, { recursive: true });
        // What belongs to root on a host, and need not here.
        for (const name of ["chown", "setfacl", "ssh-keygen", "openssl"]) host.program(name, "exit 0");
        // What is tested is not a loss of power.
        host.program("sync", "exit 0");
        host.program("podman", `[ "$*" = "secret rm redis_pass" ] && rm "$HOST_STATE/redis_pass"`);
        host.program("sudo", 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"');
        host.program("getenforce", "echo Disabled");
        host.program("hostname", "echo host.site-a.test");
        host.program("getent", '[ "$2" = unresolved.site-a.test ] || echo "192.0.2.7 STREAM"');
        host.program("sshd", "printf 'port 22\\npermitrootlogin prohibit-password\\n'");
        const server = await SshServer.start({
            env: Object.assign(host.env, {
                HOST_STATE: host.state,
                PATH: `${host.programs}:${process.env.PATH ?? ""}`,
            }),
            fate: (command) => host.fate(command),
        });
        host.showFacts();
        return { host, server };
    }

    /** Adds to the environment of its commands. */
    setEnvironment(more: NodeJS.ProcessEnv): void {
        Object.assign(this.env, more);
    }

    /** Replaces a program of the host. */
    program(name: string, script: string): void {
        rmSync(join(this.programs, name), { force: true });
        writeFileSync(join(this.programs, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }

    removeProgram(name: string): void {
        this.program(name, "exit 127");
    }

    /** Has the host show other facts. */
    showFacts(changes: Partial<HostFacts> = {}): void {
        const { memory, disk, listeners } = Object.assign(this.facts, changes);
        this.program("free", `echo "Mem: ${memory} 0 0"`);
        this.program(
            "df",
            `printf 'Filesystem 1024-blocks Used Available Capacity Mounted\\n/dev/sda1 1 1 ${disk} 1%% /\\n'`,
        );
        this.program("ss", `cat <<'END'\n${listeners.join("\n")}\nEND`);
    }

    /** Sets or takes away a condition of the stand-ins. */
    set(condition: string, isSo = true): void {
        if (isSo) appendFileSync(join(this.state, condition), "");
        else rmSync(join(this.state, condition), { force: true });
    }

    path(...parts: readonly string[]): string {
        return join(this.directory, ...parts);
    }

    has(...parts: readonly string[]): boolean {
        return existsSync(this.path(...parts));
    }

    read(...parts: readonly string[]): string {
        return readFileSync(this.path(...parts), "utf8");
    }

    /** Calls of installers, of systemctl and of docker, in order; forgets them. */
    calls(of: RegExp = /^/): string[] {
        const log = join(this.state, "log");
        const lines = existsSync(log) ? readFileSync(log, "utf8").split("\n").filter(Boolean) : [];
        rmSync(log, { force: true });
        return lines.filter((line) => of.test(line));
    }

    remove(): void {
        rmSync(this.home, { recursive: true, force: true });
    }
}

/** An archive of a stand-in, as the publisher packs its offline installer. */
export function packInstaller(
    kind: InstalledKind,
    version: string,
    without: readonly string[] = [],
): { path: string; sha256: string; version: string } {
    const folder = mkdtempSync(join(tmpdir(), "installer-"));
    const content = join(folder, "content");
    const to = kind === "harbor" ? join(content, "harbor") : content;
    mkdirSync(to, { recursive: true });
    if (kind === "harbor") {
        cpSync(join(__dirname, "harbor"), to, { recursive: true });
        for (const file of ["common.sh", "LICENSE", `harbor.v${version}.tar.gz`]) writeFileSync(join(to, file), "");
        writeFileSync(join(to, "VERSION"), version);
    } else {
        cpSync(join(__dirname, "mirror-registry.mjs"), join(to, "mirror-registry"));
        for (const file of ["image-archive.tar", "execution-environment.tar", "sqlite3.tar"])
            writeFileSync(join(to, file), "");
        writeFileSync(join(to, "version.json"), JSON.stringify({ version }));
    }
    for (const file of without) rmSync(join(content, file));
    const path = join(
        folder,
        kind === "harbor" ? `harbor-offline-installer-v${version}.tgz` : "mirror-registry.tar.gz",
    );
    execFileSync("tar", ["-czf", path, "-C", content, "."]);
    rmSync(content, { recursive: true });
    return { path, version, sha256: createHash("sha256").update(readFileSync(path)).digest("hex") };
}
