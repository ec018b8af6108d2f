import type { ClusterAccessInputs } from "../../dynamic-providers/cluster-access/kind";
import { clusterAccessProvider } from "../../dynamic-providers/cluster-access/provider";
import { RegistryProcess } from "../../dynamic-providers/registry/registry-process";
import { connectCluster } from "../../lib/kubernetes/connect";
import type { ClientLimits } from "../../lib/kubernetes/limits";
import { type MirrorObject, OWNER_ANNOTATION } from "../../lib/openshift";
import { type ApiServer, startApiServer } from "./api-server";
import { MachineConfigControllers } from "./machine-config-controllers";
import { mirrorPair } from "./lab-rules";
import { createCluster } from "./openshift-cluster";
import { operationContext } from "./operation-context";

const VERSION = "4.16.20";
const CONFIG = "config.openshift.io/v1";
const MIRROR_KINDS = [
    { apiVersion: CONFIG, kind: "ImageDigestMirrorSet" },
    { apiVersion: CONFIG, kind: "ImageTagMirrorSet" },
    { apiVersion: "operator.openshift.io/v1alpha1", kind: "ImageContentSourcePolicy" },
];

/** Project and name of the stack that the tests play. */
export const OWNER = "registry-passthrough/lab";

export const SOURCES = ["quay.io", "registry.redhat.io"];
/** Both objects of a pair for these sources, by what they say of the upstream. */
export const FORBIDDEN = mirrorPair(SOURCES, "NeverContactSource");
export const ALLOWED = mirrorPair(SOURCES, "AllowContactingSource");

/** A real API server with nodes and pools, and what `ClusterAccess` does there. */
export class AccessCluster {
    /** What was logged since the last `reset`. */
    lines: string[] = [];

    private constructor(
        readonly server: ApiServer,
        readonly controllers: MachineConfigControllers,
    ) {}

    static async start(): Promise<AccessCluster> {
        const server = await startApiServer({ crds: "4.16" });
        await createCluster(server.admin, { version: VERSION });
        return new AccessCluster(server, new MachineConfigControllers(server.admin, VERSION));
    }

    stop(): Promise<void> {
        return this.server.stop();
    }

    /** Removes every mirror object, and lets the nodes follow. */
    async reset(): Promise<void> {
        this.lines = [];
        const { admin } = this.server;
        for (const kind of MIRROR_KINDS) {
            for (const { metadata } of await admin.list(kind)) await admin.remove({ ...kind, metadata });
        }
        await this.controllers.settle();
    }

    /** Writes objects as this stack does, and lets the nodes follow. */
    write(...objects: readonly MirrorObject[]): Promise<void> {
        return this.writeFor(OWNER, ...objects);
    }

    /** Writes objects as this owner does, and lets the nodes follow. */
    async writeFor(owner: string, ...objects: readonly MirrorObject[]): Promise<void> {
        for (const object of objects) {
            const metadata = { ...object.metadata, annotations: { [OWNER_ANNOTATION]: owner } };
            await this.server.admin.apply({ ...object, metadata }, { force: true });
        }
        await this.controllers.settle();
    }

    /** What the program passes for these mirror objects. */
    inputs(rules: readonly MirrorObject[], changes: object = {}): ClusterAccessInputs {
        return {
            selfUrn: "urn",
            cluster: "",
            kubeconfig: this.server.kubeconfig,
            version: VERSION,
            rules: JSON.stringify(rules),
            objects: rules.map(({ apiVersion, kind, metadata: { name } }) => ({
                apiVersion,
                kind,
                metadata: { name },
            })),
            owner: OWNER,
            adopt: false,
            allowRemoval: false,
            ...changes,
        };
    }

    /** Requests are not repeated. */
    context(changes: Partial<ClientLimits> = {}) {
        const limits = { retry: { seconds: 0, firstDelay: 1, longestDelay: 1 }, ...changes };
        const process = new RegistryProcess({
            followsConfiguration: false,
            connectCluster: (options) => connectCluster({ ...options, limits }),
        });
        return { ...operationContext(this.lines), process };
    }

    /** The inputs that a preview derives. */
    async check(news: ClusterAccessInputs, olds: Partial<ClusterAccessInputs> = {}) {
        return clusterAccessProvider.findInputs?.(olds, news, this.context());
    }

    /** The sources that a preview finds may be forbidden. */
    async preview(news: ClusterAccessInputs, olds?: Partial<ClusterAccessInputs>) {
        return (await this.check(news, olds))?.neverSources;
    }

    create(news: ClusterAccessInputs) {
        return clusterAccessProvider.create(news, this.context());
    }
}
