import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
    existsSync,
    mkdirSync,
    mkdtempSync,
    readFileSync,
    readdirSync,
    rmSync,
    rmdirSync,
    writeFileSync,
} from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type CommandResult, type HostConnection, onHost } from "../../../lib/ssh";
import { addNamespaces, connectNamespaces, removeNamespaces } from "../network-namespaces";
import { isRunning } from "../processes";

const CGROUPS = "/sys/fs/cgroup";
/** Signal with which systemd halts (systemd(1), SIGRTMIN+4), by number, as Node.js has no name for it. */
const HALT = "38";
/** Of systemd-nspawn --keep-unit, when the system in it wants to start again (src/nspawn/nspawn.c). */
const REBOOT = 133;

/**
 * A host with its own systemd as first process, sshd, podman and nftables, all of this machine's Debian: what it changes on
 * the file system is in memory, and its network and control groups are its own. Needs root.
 */
export class SystemdHost {
    /** Of the host, and of this machine on the same network. */
    readonly address = "10.97.0.1";
    readonly client = "10.97.0.2";
    /** The network namespace (ip-netns(8)). */
    readonly namespace = `host-${process.pid}`;
    private readonly folder = mkdtempSync(join(tmpdir(), "systemd-host-"));
    private system: ChildProcess | undefined;
    private said = "";

    private constructor() {}

    static async start(): Promise<SystemdHost> {
        const host = new SystemdHost();
        try {
            host.mount();
            host.configure();
            addNamespaces(host.namespace);
            connectNamespaces(
                { link: `host${process.pid}`, addresses: [`${host.client}/24`] },
                { namespace: host.namespace, link: "eth0", addresses: [`${host.address}/24`] },
            );
            await host.boot();
            return host;
        } catch (error) {
            await host.stop();
            throw error;
        }
    }

    /** How its root is reached. */
    get connection(): HostConnection {
        const text = (file: string) => readFileSync(join(this.folder, file), "utf8");
        return {
            ...{ address: this.address, port: 22, user: "root" },
            ...{ hostKey: text("host-key.pub").trim(), privateKey: text("user-key") },
        };
    }

    /** Runs a command as its root, over SSH. */
    async run(command: string): Promise<CommandResult> {
        return onHost(this.connection, (session) => session.run(command));
    }

    /** Has it start again, and waits until everything that starts by itself has started. */
    async reboot(): Promise<void> {
        const { system } = this;
        if (system === undefined) throw new Error("the host does not run");
        const ended = once(system, "exit");
        // The connection is lost, sooner or later.
        await this.run("systemctl reboot").catch(() => undefined);
        const [status] = (await ended) as [number | null];
        if (status !== REBOOT) throw new Error(`the host ended with ${status}: ${this.said}`);
        await this.boot();
    }

    async stop(): Promise<void> {
        if (this.system !== undefined && isRunning(this.system)) {
            const ended = once(this.system, "exit");
            this.signal(HALT);
            await ended;
        }
        removeNamespaces(this.namespace);
        for (const place of this.mounts()) if (isMounted(place)) execFileSync("umount", ["-l", place]);
        for (const group of this.groups()) removeGroup(group);
        rmSync(this.folder, { recursive: true, force: true });
    }

    private file(...parts: string[]): string {
        return join(this.folder, ...parts);
    }

    private mounts(): string[] {
        return [this.file("root"), this.file("memory")];
    }

    /** The root of this machine, with what is changed in memory: an overlay cannot have its changes below what it overlays. */
    private mount(): void {
        const [root, memory] = [this.file("root"), this.file("memory")];
        mkdirSync(root);
        mkdirSync(memory);
        execFileSync("mount", ["-t", "tmpfs", "-o", "mode=0755", "tmpfs", memory]);
        for (const name of ["changes", "work", "containers"]) mkdirSync(join(memory, name));
        const layers = `lowerdir=/,upperdir=${join(memory, "changes")},workdir=${join(memory, "work")}`;
        execFileSync("mount", ["-t", "overlay", "-o", layers, "overlay", root]);
    }

    private write(path: string, text: string, mode = 0o644): void {
        const file = this.file("root", path);
        mkdirSync(dirname(file), { recursive: true });
        rmSync(file, { force: true });
        writeFileSync(file, text, { mode });
    }

    /** Only what a registry needs starts by itself; the keys are of this host alone. */
    private configure(): void {
        for (const folder of ["etc/systemd/system", ...[0, 1, 2, 3, 4, 5, 6, "S"].map((level) => `etc/rc${level}.d`)])
            rmSync(this.file("root", folder), { recursive: true, force: true });
        for (const key of ["host-key", "user-key"])
            execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", this.file(key)]);
        execFileSync("mkfifo", [this.file("started")]);
        // An empty one would have every unit of this machine enabled (machine-id(5), first boot).
        this.write("etc/machine-id", `${randomBytes(16).toString("hex")}\n`);
        this.write("etc/hostname", "registry-host\n");
        this.write("root/.ssh/authorized_keys", readFileSync(this.file("user-key.pub"), "utf8"), 0o600);
        this.write("etc/ssh/ssh_host_ed25519_key", readFileSync(this.file("host-key"), "utf8"), 0o600);
        this.write("etc/ssh/sshd_config", "HostKey /etc/ssh/ssh_host_ed25519_key\nPermitRootLogin prohibit-password\n");
        // Here nobody may raise the limits of a process (CAP_SYS_RESOURCE), which podman would do; crun has no mixed control groups.
        const limits = 'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]';
        this.write("etc/containers/containers.conf", `[containers]\n${limits}\n[engine]\nruntime = "runc"\n`);
        const writable = `/bin/sh -c 'for one in ${controllers().join(" ")}; do mount -o remount,rw,bind ${CGROUPS}/$$one; done'`;
        this.write("etc/systemd/system/control-groups.service", oneshot(writable, "DefaultDependencies=no"));
        const told = "/bin/sh -c 'echo started > /started'";
        this.write("etc/systemd/system/started.service", oneshot(told, "After=ssh.service"));
        for (const unit of ["ssh", "control-groups", "started"]) this.enable(unit);
    }

    private enable(unit: string): void {
        execFileSync("systemctl", ["--quiet", `--root=${this.file("root")}`, "enable", `${unit}.service`], {
            stdio: "ignore",
        });
    }

    private async boot(): Promise<void> {
        this.said = "";
        const nspawn = [
            ...["systemd-nspawn", "--register=no", "--keep-unit", "--boot", "--console=pipe"],
            ...[`--machine=${this.namespace}`, `--directory=${this.file("root")}`],
            // By default it has that of the machine, whose journal it shares then.
            `--uuid=${readFileSync(this.file("root/etc/machine-id"), "utf8").trim()}`,
            `--network-namespace-path=/run/netns/${this.namespace}`,
            // The runtime of its containers makes session keyrings, and gives up what it has.
            ...["--system-call-filter=@keyring", "--capability=all"],
            // podman's own overlays cannot be on an overlay.
            `--bind=${this.file("memory/containers")}:/var/lib/containers`,
            `--bind=${this.file("started")}:/started`,
        ];
        const [cpuset = ""] = this.groups().filter((group) => group.startsWith(`${CGROUPS}/cpuset/`));
        const script = [
            "set -e",
            ...this.groups().map((group) => `mkdir -p ${group}`),
            ...(cpuset === ""
                ? []
                : ["cpus", "mems"].map((name) => `cat ${CGROUPS}/cpuset/cpuset.${name} > ${cpuset}/cpuset.${name}`)),
            ...this.groups().map((group) => `echo $$ > ${group}/cgroup.procs`),
            'exec "$@"',
        ].join("\n");
        this.system = spawn("sh", ["-c", script, "sh", ...nspawn], { stdio: ["ignore", "pipe", "pipe"] });
        for (const stream of [this.system.stdout, this.system.stderr])
            stream?.on("data", (chunk: Buffer) => (this.said += chunk.toString()));
        const ended = once(this.system, "exit").then(() => Promise.reject(new Error(`it ended: ${this.said}`)));
        ended.catch(() => undefined);
        await Promise.race([readFile(this.file("started")), ended]);
        const { stdout } = await this.run("systemctl is-system-running --wait");
        if (stdout.trim() !== "running") throw new Error((await this.run("systemctl --failed --no-pager")).stdout);
    }

    /** To the first process of the host, the only child of systemd-nspawn. */
    private signal(signal: string): void {
        const pid = this.system?.pid ?? 0;
        const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
        execFileSync("kill", ["-s", signal, ...children.split(" ")]);
    }

    /** Of its own, so that nothing of it is left in those of the machine. */
    private groups(): string[] {
        return [...controllers(), "systemd", "unified"].map((name) => `${CGROUPS}/${name}/${this.namespace}`);
    }
}

function oneshot(command: string, ...lines: readonly string[]): string {
    const service = ["Type=oneshot", "RemainAfterExit=yes", `ExecStart=${command}`];
    return ["[Unit]", ...lines, "[Service]", ...service, "[Install]", "WantedBy=multi-user.target", ""].join("\n");
}

/** Hierarchies of control groups, version 1 (cgroups(7)), without that of systemd. */
function controllers(): string[] {
    return readdirSync(CGROUPS).filter((name) => existsSync(join(CGROUPS, name, "tasks")) && name !== "systemd");
}

function isMounted(place: string): boolean {
    return readFileSync("/proc/mounts", "utf8").includes(` ${place} `);
}

/** A folder of cgroupfs is removed when it has no others. */
function removeGroup(group: string): void {
    if (!existsSync(group)) return;
    for (const entry of readdirSync(group, { withFileTypes: true }))
        if (entry.isDirectory()) removeGroup(join(group, entry.name));
    rmdirSync(group);
}
