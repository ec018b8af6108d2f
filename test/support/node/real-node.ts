import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { stringify } from "yaml";
import type { ApiServer } from "../api-server";
import { descendants, end, isRunning, killTree, listening } from "../processes";
import { freePort } from "../registry-process";
import { containerdConfiguration, kubeletConfiguration, networkConfiguration } from "./node-configuration";
import { pauseArchive } from "./pause-image";

/** The node's name, by which API server and tests know it. */
export const NODE = "localhost";

/** Kernel settings that a kubelet changes (pkg/kubelet/cm, setupKernelTunables). */
const TUNABLES = ["vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops"].map((name) => `/proc/sys/${name}`);
export const BRIDGE = "probe-test0";

/**
 * A node with containerd and runc of this machine, and the scheduler and controllers that give it pods: everything in a
 * folder of its own. Needs root.
 */
export class RealNode {
    readonly folder = mkdtempSync(join(tmpdir(), "real-node-"));
    private readonly running: ChildProcess[] = [];
    private readonly tunables = TUNABLES.map((file) => [file, readFileSync(file, "utf8")] as const);

    private constructor(
        private readonly server: ApiServer,
        private readonly controllers: readonly string[],
    ) {}

    /**
     * @param hosts path below `certs.d` -> content, as rendered for containerd
     * @param dockerConfig what the kubelet pulls with (config.json)
     * @param controllers of the controller manager, beside the one that deletes the content of namespaces
     */
    static async start(
        server: ApiServer,
        hosts: (certsFolder: string) => Readonly<Record<string, string>>,
        dockerConfig: object,
        controllers: readonly string[] = [],
    ): Promise<RealNode> {
        const node = new RealNode(server, controllers);
        try {
            node.writeFiles(hosts(join(node.folder, "certs.d")), dockerConfig);
            await node.startContainerd();
            await node.startKubernetes();
            return node;
        } catch (error) {
            await node.stop();
            throw error;
        }
    }

    async stop(): Promise<void> {
        for (const child of [...this.running].reverse()) await end(child);
        // Pods outlive containerd, in processes of their own.
        for (const pid of descendants(1, this.folder)) killTree(pid);
        for (const line of mounts()
            .filter((place) => place.startsWith(this.folder))
            .reverse()) {
            execFileSync("umount", ["-l", line]);
        }
        if (existsSync(`/sys/class/net/${BRIDGE}`)) execFileSync("ip", ["link", "delete", BRIDGE]);
        for (const [file, value] of this.tunables) writeFileSync(file, value);
        rmSync(this.folder, { recursive: true, force: true });
    }

    /** What the kubelet pulls with (config.json). It keeps for five minutes what it has read (credentialprovider, provider.go). */
    setDockerConfig(dockerConfig: object): void {
        this.write("kubelet/config.json", JSON.stringify(dockerConfig));
    }

    /**
     * The kubelet again, with what it has kept on disk; containers go on meanwhile.
     * @param settings of KubeletConfiguration, beside those that the node needs
     */
    async restartKubelet(settings: object = {}): Promise<void> {
        const kubelet = this.running.pop();
        if (kubelet !== undefined) await end(kubelet);
        await this.startKubelet(settings);
    }

    /** Kills the processes of a container, as the kernel does when memory is short. @param id `containerd://…` */
    killContainer(id: string): void {
        const [, hex = ""] = id.split("://");
        this.ctr("tasks", "kill", "--signal", "SIGKILL", hex);
    }

    /** Gets an image without the kubelet, as an installer or an operator that pins images does. */
    pull(reference: string, { username, password }: { readonly username: string; readonly password: string }): void {
        const options = ["--hosts-dir", this.file("certs.d"), "--user", `${username}:${password}`];
        this.ctr("images", "pull", ...options, "--snapshotter", "native", reference);
    }

    private ctr(...args: readonly string[]): void {
        const place = ["--address", this.file("containerd.sock"), "--namespace", "k8s.io"];
        execFileSync("ctr", [...place, ...args], { stdio: "pipe" });
    }

    private file(...parts: string[]): string {
        return join(this.folder, ...parts);
    }

    private write(path: string, text: string): void {
        mkdirSync(this.file(path, ".."), { recursive: true });
        writeFileSync(this.file(path), text, { mode: 0o600 });
    }

    private writeFiles(hosts: Readonly<Record<string, string>>, dockerConfig: object): void {
        const files = {
            "kubeconfig.yaml": this.server.kubeconfig,
            // The API server reads logs of pods.
            "ca.crt": this.server.ca,
            "cni/10-probe.conf": networkConfiguration(this.folder, BRIDGE),
            "containerd/config.toml": containerdConfiguration(this.folder),
            ...Object.fromEntries(Object.entries(hosts).map(([path, text]) => [join("certs.d", path), text])),
        };
        for (const [path, text] of Object.entries(files)) this.write(path, text);
        this.setDockerConfig(dockerConfig);
        mkdirSync(this.file("manifests"));
    }

    private async startContainerd(): Promise<void> {
        this.launch("containerd", ["--config", this.file("containerd/config.toml")]);
        const socket = this.file("containerd.sock");
        await this.until("containerd", () => Promise.resolve(existsSync(socket)));
        const archive = this.file("pause.tar");
        pauseArchive(archive);
        this.load(archive);
    }

    /** Loads the images of an OCI archive, as an administrator does on a node. */
    load(archive: string): void {
        this.ctr("images", "import", "--snapshotter", "native", archive);
    }

    private async startKubernetes(): Promise<void> {
        const kubeconfig = `--kubeconfig=${this.file("kubeconfig.yaml")}`;
        // Not those of nodes: a node is never seen to be lost.
        const controllers = ["namespace-controller", ...this.controllers].join();
        this.launch("kubernetes-node", ["controller-manager", kubeconfig, `--controllers=${controllers}`, ...LOCAL]);
        this.launch("kubernetes-node", ["scheduler", kubeconfig, ...LOCAL]);
        await this.startKubelet({});
        await this.until("the node", () => this.isReady());
    }

    /** The last of the processes that are started. */
    private async startKubelet(settings: object): Promise<void> {
        this.write("kubelet.yaml", stringify({ ...kubeletConfiguration(this.folder), ...settings }));
        const port = await freePort();
        const files = [`--kubeconfig=${this.file("kubeconfig.yaml")}`, `--config=${this.file("kubelet.yaml")}`];
        const options = [`--root-dir=${this.file("kubelet")}`, `--port=${port}`, `--hostname-override=${NODE}`];
        const kubelet = this.launch("kubernetes-node", ["kubelet", ...files, ...options]);
        await listening(kubelet, port, () => this.logs());
    }

    private async isReady(): Promise<boolean> {
        const node = await this.server.admin.get({ apiVersion: "v1", kind: "Node", metadata: { name: NODE } });
        const conditions = (node?.status?.["conditions"] ?? []) as { type: string; status: string }[];
        return conditions.some(({ type, status }) => type === "Ready" && status === "True");
    }

    private launch(program: string, args: readonly string[]): ChildProcess {
        const log = openSync(this.file(`${program}-${args[0]?.replace(/\W/g, "") ?? ""}.log`), "a");
        const child = spawn(program, args, { stdio: ["ignore", log, log], cwd: this.folder });
        this.running.push(child);
        closeSync(log);
        return child;
    }

    private async until(what: string, condition: () => Promise<boolean>): Promise<void> {
        while (!(await condition())) {
            const ended = this.running.find((child) => !isRunning(child));
            if (ended !== undefined) throw new Error(`${what}: ${ended.spawnargs.join(" ")} ended\n${this.logs()}`);
            await delay(100);
        }
    }

    /** The end of every log. */
    private logs(): string {
        const names = execFileSync("ls", [this.folder], { encoding: "utf8" }).split("\n");
        const ends = names.filter((name) => name.endsWith(".log")).map((name) => `${name}:\n${tail(this.file(name))}`);
        return ends.join("\n");
    }
}

const LOCAL = ["--leader-elect=false", "--secure-port=0"];

function tail(file: string): string {
    return readFileSync(file, "utf8").slice(-2000);
}

function mounts(): string[] {
    return readFileSync("/proc/self/mounts", "utf8")
        .split("\n")
        .map((line) => line.split(" ")[1] ?? "");
}
