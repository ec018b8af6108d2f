import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { getTools } from "../tools/get-tools.mjs";
import { projectRoot, workspace } from "../tools/workspace.mjs";
import { scratchFolder } from "./data/scratch.mjs";

/** An OpenShift cluster as far as its API goes, on loopback: a real API server with the objects of a new cluster. */
export class BenchCluster {
    #server;

    /** @param {import("node:child_process").ChildProcess} server @param {ServedCluster} served @param {string} kubeconfigFile */
    constructor(server, served, kubeconfigFile) {
        this.#server = server;
        this.kubeconfigFile = kubeconfigFile;
        /** The folder of the Kubernetes plugin that stacks are to use. */
        this.plugin = served.plugin;
        this.isOfficial = served.isOfficial;
    }

    /**
     * @typedef {{kubeconfig: string, plugin: string, isOfficial: boolean}} ServedCluster
     *
     * @param {string} version `4.16.20`
     * @param {string[]} images each runs in a Deployment
     * @param {import("../tools/progress.mjs").Progress} progress
     * @returns {Promise<BenchCluster>}
     */
    static async start(version, images, progress) {
        const tools = await getTools(["kube-apiserver", "etcd"], { cache: workspace().tools, progress });
        const folders = Object.values(tools).map(({ file }) => dirname(file));
        const env = { ...process.env, PATH: [...folders, process.env.PATH].join(delimiter) };
        const client = join(projectRoot, "bench", "clients", "serve-cluster.mjs");
        const release = version.split(".").slice(0, 2).join(".");
        const stdio = /** @type {const} */ (["pipe", "pipe", "inherit"]);
        const server = spawn(process.execPath, [client, version, release, ...images], { env, stdio: [...stdio] });
        const lines = createInterface({ input: /** @type {import("node:stream").Readable} */ (server.stdout) });
        const ended = once(server, "close").then(() => [undefined]);
        const [line] = await Promise.race([once(lines, "line"), ended]);
        if (line === undefined) throw new Error("the API server did not start; the reason is above");
        const served = /** @type {ServedCluster} */ (JSON.parse(line));
        const kubeconfigFile = join(scratchFolder(), "kubeconfig");
        writeFileSync(kubeconfigFile, served.kubeconfig, { mode: 0o600 });
        return new BenchCluster(server, served, kubeconfigFile);
    }

    async stop() {
        const ended = once(this.#server, "close");
        this.#server.stdin?.end();
        await ended;
    }
}
