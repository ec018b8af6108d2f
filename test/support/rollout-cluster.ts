import type { ClusterRolloutInputs, ClusterRolloutOutputs } from "../../dynamic-providers/cluster-rollout/kind";
import { clusterRolloutProvider } from "../../dynamic-providers/cluster-rollout/provider";
import type { MirrorObject } from "../../lib/openshift";
import { ALLOWED } from "./access-cluster";
import { type ApiServer, startApiServer } from "./api-server";
import { ControlledCluster } from "./controlled-cluster";
import { MachineConfigControllers } from "./machine-config-controllers";
import { createCluster } from "./openshift-cluster";
import { roleRules } from "./role-rules";

const VERSION = "4.16.20";
const CONFIG = "config.openshift.io/v1";
const MIRROR_KINDS = ["ImageDigestMirrorSet", "ImageTagMirrorSet"].map((kind) => ({ apiVersion: CONFIG, kind }));

/**
 * What a ClusterRollout works on: a cluster whose controllers make one pass whenever the provider waits. The provider has
 * the roles that `passthrough render` writes, and no more.
 */
export class RolloutCluster extends ControlledCluster {
    private constructor(
        server: ApiServer,
        readonly controllers: MachineConfigControllers,
        private readonly kubeconfig: string,
    ) {
        super(server);
    }

    /** On failure nothing is left running. */
    static async start(): Promise<RolloutCluster> {
        const server = await startApiServer({ crds: "4.16" });
        try {
            await createCluster(server.admin, {
                version: VERSION,
                nodes: { master: 3, worker: 2, infra: 1, empty: 0 },
            });
            const kubeconfig = await server.kubeconfigFor("rollout", roleRules(["preview", "rules"], VERSION));
            return new RolloutCluster(server, new MachineConfigControllers(server.admin, VERSION), kubeconfig);
        } catch (error) {
            await server.stop();
            throw error;
        }
    }

    /** A clock at zero, no mirror objects, pools that are not paused, and nodes that have all that. */
    async reset(): Promise<void> {
        this.startRun();
        this.lines = [];
        this.controllers.script = {};
        const { admin } = this.server;
        await this.pause("worker", false);
        for (const kind of MIRROR_KINDS) {
            for (const { metadata } of await admin.list(kind)) await admin.remove({ ...kind, metadata });
        }
        await this.controllers.settle();
    }

    /** Writes mirror objects, of which no controller knows yet. */
    async write(...objects: readonly MirrorObject[]): Promise<void> {
        for (const object of objects) await this.server.admin.apply(object, { force: true });
    }

    async pause(pool: string, paused: boolean): Promise<void> {
        const name = { apiVersion: "machineconfiguration.openshift.io/v1", kind: "MachineConfigPool" };
        await this.server.admin.patch({ ...name, metadata: { name: pool } }, { spec: { paused } });
    }

    inputs(changes: Partial<ClusterRolloutInputs> = {}): ClusterRolloutInputs {
        return {
            ...{ selfUrn: "urn", cluster: "", kubeconfig: this.kubeconfig, version: VERSION },
            ...{ rules: JSON.stringify(ALLOWED), written: ["1"], forbidLater: [], wait: true },
            ...changes,
        };
    }

    async create(changes: Partial<ClusterRolloutInputs> = {}): Promise<ClusterRolloutOutputs> {
        return (await clusterRolloutProvider.create(this.inputs(changes), this.context())).outs;
    }

    async refresh(outs: ClusterRolloutOutputs): Promise<ClusterRolloutOutputs> {
        return (await clusterRolloutProvider.read(outs, this.context())).outs;
    }

    /** The configuration of each node, by its name. */
    async nodeConfigurations(): Promise<Readonly<Record<string, string>>> {
        const nodes = await this.server.admin.list({ apiVersion: "v1", kind: "Node" });
        const key = "machineconfiguration.openshift.io/currentConfig";
        return Object.fromEntries(nodes.map(({ metadata }) => [metadata.name, metadata.annotations?.[key] ?? ""]));
    }
}
