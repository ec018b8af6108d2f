import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type ApiServer, startApiServer } from "./api-server";
import type { Release } from "./cluster/definitions";
import { kubernetesPlugin, pathWith } from "./kubernetes-plugin";
import { MachineConfigControllers } from "./machine-config-controllers";
import { createCluster } from "./openshift-cluster";
import { TestSite } from "./site";

/** How often the controllers look at the cluster, in ms. */
const RESYNC = 200;

/** An OpenShift cluster as far as this program sees it: a real API server, and controllers that follow a script. */
export class TestCluster {
    private isStopped = false;
    /** Passes in a row that changed nothing. */
    private quiet = 0;
    private passed: () => void = () => undefined;
    private readonly loop: Promise<void>;

    private constructor(
        readonly server: ApiServer,
        readonly controllers: MachineConfigControllers,
    ) {
        this.loop = this.run();
    }

    /** @param version `4.16.20` */
    static async start(crds: Release, version: string): Promise<TestCluster> {
        const server = await startApiServer({ crds });
        await createCluster(server.admin, { version, nodes: { master: 3, worker: 2 } });
        return new TestCluster(server, new MachineConfigControllers(server.admin, version));
    }

    /** Settles when the controllers have nothing more to do. */
    async settled(): Promise<void> {
        this.quiet = 0;
        while (this.quiet < 2) await new Promise<void>((resolve) => (this.passed = resolve));
    }

    async stop(): Promise<void> {
        this.isStopped = true;
        await this.loop;
        await this.server.stop();
    }

    private async run(): Promise<void> {
        while (!this.isStopped) {
            // The API server of a test may be down for a while, and others write to it at the same time.
            const isChanged = await this.controllers.pass().catch(() => true);
            this.quiet = isChanged ? 0 : this.quiet + 1;
            this.passed();
            await pause(RESYNC);
        }
    }
}

/** A site whose stack finds the Kubernetes plugin. */
export async function createClusterSite(...archives: string[]): Promise<TestSite> {
    const site = await TestSite.create(...archives);
    site.stack.setVariable("PATH", pathWith(kubernetesPlugin()));
    return site;
}

/** Puts a kubeconfig into a file of the site. @returns its path */
export function writeKubeconfig(site: TestSite, kubeconfig: string): string {
    const path = join(site.folder, "kubeconfig");
    writeFileSync(path, kubeconfig, { mode: 0o600 });
    return path;
}
