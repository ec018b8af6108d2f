import type { ClusterTrustInputs, ClusterTrustOutputs } from "../../dynamic-providers/cluster-trust/kind";
import { clusterTrustProvider } from "../../dynamic-providers/cluster-trust/provider";
import {
    type RegistryContext,
    RegistryProcess as ProviderProcess,
} from "../../dynamic-providers/registry/registry-process";
import { connectCluster } from "../../lib/kubernetes/connect";
import { type ApiServer, startApiServer } from "./api-server";
import { type TestAuthority, testAuthority } from "./certificates";
import { MachineConfigControllers } from "./machine-config-controllers";
import { ManualClock } from "./manual-clock";
import { PULL_SECRET, createCluster } from "./openshift-cluster";
import { operationContext } from "./operation-context";
import { RegistryProcess } from "./registry-process";
import { roleRules } from "./role-rules";

const VERSION = "4.16.20";
const SECRET = { apiVersion: "v1", kind: "Secret", metadata: { name: "pull-secret", namespace: "openshift-config" } };
export const IMAGE = { apiVersion: "config.openshift.io/v1", kind: "Image", metadata: { name: "cluster" } };

/** A ConfigMap of the namespace in which those with CAs are. */
export function caConfigMap(name: string) {
    return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "openshift-config" } };
}

/** The text of the global pull secret. */
export async function readPullSecret({ admin }: Pick<ApiServer, "admin">): Promise<string> {
    const data = (await admin.get(SECRET))?.data?.[".dockerconfigjson"];
    if (data === undefined) throw new Error("the cluster has no global pull secret");
    return Buffer.from(data, "base64").toString("utf8");
}

/** The account of the cluster, and the one that takes its place. */
export const CREDENTIALS = { username: "puller", password: "canary-password-1" };
export const ROTATED = { username: "puller", password: "canary-password-2" };

/** Inputs of a ClusterTrust without a cluster's version: an account at a registry of a test. */
export function trustInputs(
    { host, ca, kubeconfig }: { readonly host: string; readonly ca: string; readonly kubeconfig: string },
    changes: Partial<ClusterTrustInputs> = {},
): ClusterTrustInputs {
    return {
        selfUrn: "urn",
        registry: { type: "distribution", mirrorBase: `${host}/mirror`, ca, retrySeconds: 0 },
        credentials: CREDENTIALS,
        account: "puller",
        cluster: "",
        kubeconfig,
        ...changes,
    };
}

/** The real client, which does not repeat what has failed: only the clock of a test may wait. */
export const connectOnce: typeof connectCluster = (options) =>
    connectCluster({ ...options, limits: { retry: { seconds: 0, firstDelay: 1, longestDelay: 1 } } });

/**
 * What a ClusterTrust works on: a registry with TLS, and a cluster whose controllers make one pass whenever the provider
 * waits. The provider has the roles that `passthrough render` writes, and no more.
 */
export class TrustCluster {
    clock = new ManualClock();
    /** What the provider has logged. */
    lines: string[] = [];
    /** How the provider connects. */
    connect = connectOnce;

    private constructor(
        readonly authority: TestAuthority,
        readonly registry: RegistryProcess,
        readonly server: ApiServer,
        readonly controllers: MachineConfigControllers,
        readonly kubeconfig: string,
    ) {}

    /**
     * On failure nothing is left running.
     * @param nodes by pool
     */
    static async start(nodes?: Readonly<Record<string, number>>): Promise<TrustCluster> {
        const authority = await testAuthority();
        const registry = await RegistryProcess.start({ tls: await authority.issue() });
        let server: ApiServer | undefined;
        try {
            server = await startApiServer({ crds: "4.16" });
            await createCluster(server.admin, { version: VERSION, ...(nodes && { nodes }) });
            const kubeconfig = await server.kubeconfigFor("trust", roleRules(["preview", "trust"], VERSION));
            const controllers = new MachineConfigControllers(server.admin, VERSION);
            return new TrustCluster(authority, registry, server, controllers, kubeconfig);
        } catch (error) {
            await Promise.all([server?.stop(), registry.stop()]);
            throw error;
        }
    }

    /** A clock at zero, and the cluster as it was at first. */
    async reset(): Promise<void> {
        [this.clock, this.lines, this.connect] = [new ManualClock(), [], connectOnce];
        this.clock.onSleep = async () => void (await this.controllers.pass());
        this.controllers.script = {};
        const { admin } = this.server;
        await admin.patch(IMAGE, { spec: { additionalTrustedCA: null } });
        for (const name of ["registry-cas", "user-cas"]) await admin.remove(caConfigMap(name));
        await this.putPullSecret(PULL_SECRET);
        await this.controllers.settle();
    }

    /** The key of the registry's CA in a ConfigMap. */
    get caKey(): string {
        return this.registry.host.replace(":", "..");
    }

    inputs(changes: Partial<ClusterTrustInputs> = {}): ClusterTrustInputs {
        const { registry, authority, kubeconfig } = this;
        return trustInputs({ host: registry.host, ca: authority.ca, kubeconfig }, { version: VERSION, ...changes });
    }

    context(): RegistryContext {
        const { clock, connect } = this;
        const process = new ProviderProcess({ followsConfiguration: false, clock, connectCluster: connect });
        return { ...operationContext(this.lines), process };
    }

    async create(): Promise<ClusterTrustOutputs> {
        return (await clusterTrustProvider.create(this.inputs(), this.context())).outs;
    }

    update(olds: ClusterTrustOutputs, changes: Partial<ClusterTrustInputs> = {}): Promise<ClusterTrustOutputs> {
        return clusterTrustProvider.update(olds, this.inputs(changes), this.context());
    }

    remove(outs: ClusterTrustOutputs): Promise<void> {
        return clusterTrustProvider.remove(outs, this.context());
    }

    pullSecret(): Promise<string> {
        return readPullSecret(this.server);
    }

    putPullSecret(text: string): Promise<unknown> {
        const data = { ".dockerconfigjson": Buffer.from(text, "utf8").toString("base64") };
        return this.server.admin.patch(SECRET, { data });
    }

    /** The content of a ConfigMap with CAs. */
    async certificates(name = "registry-cas"): Promise<Readonly<Record<string, string>> | undefined> {
        return (await this.server.admin.get(caConfigMap(name)))?.data;
    }

    /** What Image/cluster names. */
    async trustedMap(): Promise<unknown> {
        return (await this.server.admin.get(IMAGE))?.spec?.["additionalTrustedCA"];
    }

    async stop(): Promise<void> {
        await Promise.all([this.server.stop(), this.registry.stop()]);
    }
}
