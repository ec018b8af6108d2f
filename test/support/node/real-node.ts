import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { stringify } from "yaml";
import type { ApiServer } from "../api-server";
import { descendants, end, isRunning, killTree } from "../processes";
import { freePort } from "../registry-process";
import { PAUSE_IMAGE, pauseArchive } from "./pause-image";

/** The node's name, by which API server and tests know it. */
export const NODE = "localhost";

/** Kernel settings that a kubelet changes (pkg/kubelet/cm, setupKernelTunables). */
const TUNABLES = ["vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops"].map((name) => `/proc/sys/${name}`);
const BRIDGE = "probe-test0";

/**
 * A node with containerd and runc of this machine, and the scheduler and controllers that give it pods: everything in a
 * folder of its own. Needs root.
 */
export class RealNode {
    readonly folder = mkdtempSync(join(tmpdir(), "real-node-"));
    private readonly running: ChildProcess[] = [];
    private readonly tunables = TUNABLES.map((file) => [file, readFileSync(file, "utf8")] as const);

    private constructor(private readonly server: ApiServer) {}

    /**
     * @param hosts path below `certs.d` -> content, as rendered for containerd
     * @param dockerConfig what the kubelet pulls with (config.json)
     */
    static async start(
        server: ApiServer,
        hosts: (certsFolder: string) => Readonly<Record<string, string>>,
        dockerConfig: object,
    ): Promise<RealNode> {
        const node = new RealNode(server);
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

    private file(...parts: string[]): string {
        return join(this.folder, ...parts);
    }

    private writeFiles(hosts: Readonly<Record<string, string>>, dockerConfig: object): void {
        const network = {
            ...{ cniVersion: "0.4.0", name: "probe", type: "bridge", bridge: BRIDGE },
            ipam: { type: "host-local", dataDir: this.file("ipam"), ranges: [[{ subnet: "10.213.0.0/24" }]] },
        };
        const files = {
            "kubeconfig.yaml": this.server.kubeconfig,
            "kubelet.yaml": stringify(this.kubeletConfiguration()),
            "kubelet/config.json": JSON.stringify(dockerConfig),
            "cni/10-probe.conf": JSON.stringify(network),
            "containerd/config.toml": this.containerdConfiguration(),
            ...Object.fromEntries(Object.entries(hosts).map(([path, text]) => [join("certs.d", path), text])),
        };
        for (const [path, text] of Object.entries(files)) {
            mkdirSync(this.file(path, ".."), { recursive: true });
            writeFileSync(this.file(path), text, { mode: 0o600 });
        }
        mkdirSync(this.file("manifests"));
    }

    private kubeletConfiguration(): object {
        return {
            ...{ apiVersion: "kubelet.config.k8s.io/v1beta1", kind: "KubeletConfiguration" },
            ...{ cgroupDriver: "cgroupfs", failSwapOn: false, failCgroupV1: false, makeIPTablesUtilChains: false },
            ...{
                localStorageCapacityIsolation: false,
                enforceNodeAllocatable: [],
                staticPodPath: this.file("manifests"),
            },
            containerRuntimeEndpoint: `unix://${this.file("containerd.sock")}`,
            authentication: { anonymous: { enabled: false }, webhook: { enabled: false } },
            authorization: { mode: "AlwaysAllow" },
            evictionHard: { "memory.available": "10Mi", "nodefs.available": "1%", "imagefs.available": "1%" },
            healthzPort: 0,
        };
    }

    private containerdConfiguration(): string {
        return [
            ...["version = 2", `root = "${this.file("root")}"`, `state = "${this.file("state")}"`],
            ...["[grpc]", `address = "${this.file("containerd.sock")}"`],
            ...["[ttrpc]", `address = "${this.file("containerd.sock.ttrpc")}"`],
            '[plugins."io.containerd.grpc.v1.cri"]',
            ...[`sandbox_image = "${PAUSE_IMAGE}"`, "restrict_oom_score_adj = true", "disable_apparmor = true"],
            ...["tolerate_missing_hugetlb_controller = true", "disable_tcp_service = true"],
            ...['[plugins."io.containerd.grpc.v1.cri".containerd]', 'snapshotter = "native"'],
            ...[
                '[plugins."io.containerd.grpc.v1.cri".cni]',
                'bin_dir = "/usr/lib/cni"',
                `conf_dir = "${this.file("cni")}"`,
            ],
            ...['[plugins."io.containerd.grpc.v1.cri".registry]', `config_path = "${this.file("certs.d")}"`, ""],
        ].join("\n");
    }

    private async startContainerd(): Promise<void> {
        this.launch("containerd", ["--config", this.file("containerd/config.toml")]);
        const socket = this.file("containerd.sock");
        await this.until("containerd", () => Promise.resolve(existsSync(socket)));
        const archive = this.file("pause.tar");
        pauseArchive(archive);
        const ctr = [
            "--address",
            socket,
            "--namespace",
            "k8s.io",
            "images",
            "import",
            "--snapshotter",
            "native",
            archive,
        ];
        execFileSync("ctr", ctr, { stdio: "pipe" });
    }

    private async startKubernetes(): Promise<void> {
        const kubeconfig = `--kubeconfig=${this.file("kubeconfig.yaml")}`;
        // Only what deletes the content of namespaces; a node is never seen to be lost.
        this.launch("kubernetes-node", [
            "controller-manager",
            kubeconfig,
            "--controllers=namespace-controller",
            ...LOCAL,
        ]);
        this.launch("kubernetes-node", ["scheduler", kubeconfig, ...LOCAL]);
        const kubelet = [`--config=${this.file("kubelet.yaml")}`, `--root-dir=${this.file("kubelet")}`];
        const port = `--port=${await freePort()}`;
        this.launch("kubernetes-node", ["kubelet", kubeconfig, ...kubelet, port, `--hostname-override=${NODE}`]);
        await this.until("the node", async () => {
            const node = await this.server.admin.get({ apiVersion: "v1", kind: "Node", metadata: { name: NODE } });
            const conditions = (node?.status?.["conditions"] ?? []) as { type: string; status: string }[];
            return conditions.some(({ type, status }) => type === "Ready" && status === "True");
        });
    }

    private launch(program: string, args: readonly string[]): void {
        const log = openSync(this.file(`${program}-${args[0]?.replace(/\W/g, "") ?? ""}.log`), "a");
        this.running.push(spawn(program, args, { stdio: ["ignore", log, log], cwd: this.folder }));
        closeSync(log);
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
