import { request } from "node:https";
import type { ClusterAccessInputs } from "../../dynamic-providers/cluster-access/kind";
import { clusterAccessProvider } from "../../dynamic-providers/cluster-access/provider";
import type { ClusterCoverageInputs } from "../../dynamic-providers/cluster-coverage/kind";
import { clusterCoverageProvider } from "../../dynamic-providers/cluster-coverage/provider";
import type { ClusterOldRulesInputs, ClusterOldRulesOutputs } from "../../dynamic-providers/cluster-old-rules/kind";
import { clusterOldRulesProvider } from "../../dynamic-providers/cluster-old-rules/provider";
import {
    type RegistryContext,
    RegistryProcess as ProviderProcess,
} from "../../dynamic-providers/registry/registry-process";
import type { ClusterClient } from "../../lib/kubernetes/cluster-client";
import { type MirrorObject, type OldObjectStages, OWNER_ANNOTATION, forbidSources } from "../../lib/openshift";
import { formatReference, parseReference } from "../../lib/oci/reference";
import { OWNER } from "./access-cluster";
import { type ApiServer, startApiServer } from "./api-server";
import { type TestAuthority, testAuthority } from "./certificates";
import type { ApiObject, NamedObject } from "./cluster/api-client";
import { ContractImages, type Send } from "./contract-images";
import { mirrorPair } from "./lab-rules";
import { MachineConfigControllers } from "./machine-config-controllers";
import { ManualClock } from "./manual-clock";
import { createCluster } from "./openshift-cluster";
import { operationContext } from "./operation-context";
import { PullLedger } from "./pull-ledger";
import { RegistryProcess } from "./registry-process";
import { roleRules } from "./role-rules";
import { connectOnce } from "./trust-cluster";

const VERSION = "4.16.20";
const SOURCES = ["docker.io", "quay.io", "registry.redhat.io"];
const MAX_PASSES = 60;

/** An image that pods name. */
export interface UsedImage {
    /** `quay.io/org/app` */
    readonly name: string;
    readonly tag: string;
    /** How pods name it. */
    readonly by: readonly ("digest" | "tag")[];
}

/** What the configuration says of the cluster. */
export interface ClusterState {
    readonly contactSource?: "allow" | "never";
    readonly oldRules?: OldObjectStages;
    readonly accept?: readonly string[];
    readonly allowRemoval?: boolean;
}

/** What one `up` did. */
export interface MigrationStep {
    /** What its preview logged. */
    readonly lines: readonly string[];
    /** The error that it ended with, after everything else was done. */
    readonly error?: unknown;
}

/**
 * A cluster with rules of somebody else, in which every `up` of a migration runs as the program runs it. After each single
 * write, and each pass of the controllers, the ledger looks at all nodes.
 */
export class MigrationCluster {
    readonly clock = new ManualClock();
    /** The pools that were paused after some write. */
    readonly paused = new Set<string>();
    /** Called before each write of a provider: may throw. */
    beforeWrite: (call: string) => void = () => undefined;
    /** Called between the preview of the old objects and their update. */
    afterPreview: () => Promise<void> = () => Promise.resolve();
    private access: ClusterAccessInputs | undefined;
    private coverage: ClusterCoverageInputs | undefined;
    oldRules: ClusterOldRulesOutputs | undefined;

    private constructor(
        readonly server: ApiServer,
        readonly registry: RegistryProcess,
        private readonly authority: TestAuthority,
        private readonly controllers: MachineConfigControllers,
        private readonly kubeconfig: string,
        readonly ledger: PullLedger,
        private readonly digests: ReadonlyMap<string, string>,
    ) {
        this.clock.onSleep = async () => void (await this.pass());
    }

    /** On failure nothing is left running. */
    static async start(images: readonly UsedImage[]): Promise<MigrationCluster> {
        const authority = await testAuthority();
        const registry = await RegistryProcess.start({ tls: await authority.issue() });
        let server: ApiServer | undefined;
        try {
            server = await startApiServer({ crds: "4.16" });
            await createCluster(server.admin, { version: VERSION, nodes: { master: 1, worker: 2 } });
            const functions = ["preview", "rules", "old-rules", "coverage"] as const;
            const kubeconfig = await server.kubeconfigFor("migration", roleRules(functions, VERSION));
            const digests = new Map<string, string>();
            for (const { name } of images) digests.set(name, await push(registry, authority, "scratch", "any", name));
            const references = images.flatMap(({ name, tag, by }) =>
                by.map((form) => (form === "tag" ? `${name}:${tag}` : `${name}@${digests.get(name) ?? ""}`)),
            );
            await createPods(server, references);
            const controllers = new MachineConfigControllers(server.admin, VERSION);
            const ledger = new PullLedger(server.admin, references);
            return new MigrationCluster(server, registry, authority, controllers, kubeconfig, ledger, digests);
        } catch (error) {
            await Promise.all([server?.stop(), registry.stop()]);
            throw error;
        }
    }

    /** A registry has the image below a path: `localhost:5000/org/app`; the real one really has it. */
    async hold(place: string, { name, tag }: UsedImage): Promise<void> {
        const [host = "", ...path] = place.split("/");
        if (host === this.registry.host) await push(this.registry, this.authority, path.join("/"), tag, name);
        this.ledger.held.add(formatReference(parseReference(`${place}:${tag}`)));
        this.ledger.held.add(formatReference(parseReference(`${place}@${this.digests.get(name) ?? ""}`)));
    }

    /** What somebody had written before, with all nodes up to date. */
    async begin(objects: readonly MirrorObject[]): Promise<void> {
        for (const object of objects) await this.server.admin.create(object);
        await this.controllers.settle();
        await this.ledger.restart();
    }

    /** The objects of others that the cluster has, with their rules. */
    async foreign(): Promise<MirrorObject[]> {
        const kinds = [
            ["config.openshift.io/v1", "ImageDigestMirrorSet"],
            ["config.openshift.io/v1", "ImageTagMirrorSet"],
            ["operator.openshift.io/v1alpha1", "ImageContentSourcePolicy"],
        ] as const;
        const lists = await Promise.all(
            kinds.map(async ([apiVersion, kind]) =>
                (await this.server.admin.list({ apiVersion, kind })).map((item) => ({ ...item, apiVersion, kind })),
            ),
        );
        return lists
            .flat()
            .filter(({ metadata }) => metadata.annotations?.[OWNER_ANNOTATION] === undefined)
            .map(({ apiVersion, kind, metadata: { name, labels }, spec }) => {
                const metadata = { name, ...(labels === undefined ? {} : { labels }) };
                return { apiVersion, kind, metadata, spec } as unknown as MirrorObject;
            });
    }

    /** Preview and `up`, in the order of `PassthroughCluster`: access, coverage, rules one by one, old objects. */
    async up({
        contactSource = "allow",
        oldRules,
        accept = [],
        allowRemoval = false,
    }: ClusterState): Promise<MigrationStep> {
        const lines: string[] = [];
        const context = this.context(lines);
        const policy = contactSource === "never" ? "NeverContactSource" : "AllowContactingSource";
        const wanted = mirrorPair(SOURCES, policy, `${this.registry.host}/mirror`);
        const old = oldRules === undefined ? {} : { oldRules };
        const access = await this.checkAccess({ ...this.connection(), ...accessArgs(wanted), ...old }, context);
        const coverage = await this.checkCoverage(access, { ...this.mirror(), accept: [...accept] }, context);
        const rules = forbidSources(wanted, new Set(coverage.neverSources ?? []));
        for (const rule of rules) await this.write(rule);
        const step = { lines: [...lines] };
        if (oldRules === undefined) {
            const error = await this.forgetOldRules(context);
            return { ...step, ...(error === undefined ? {} : { error }) };
        }
        const error = await this.changeOldRules(
            {
                ...this.connection(),
                ...this.mirror(),
                rules: JSON.stringify(rules),
                stages: oldRules,
                owner: OWNER,
                check: true,
                accept: [...accept],
                allowRemoval,
            },
            lines,
        );
        return { lines: [...lines], ...(error === undefined ? {} : { error }) };
    }

    async stop(): Promise<void> {
        await Promise.all([this.server.stop(), this.registry.stop()]);
    }

    private async checkAccess(given: ClusterAccessInputs, context: RegistryContext): Promise<ClusterAccessInputs> {
        const inputs = (await clusterAccessProvider.findInputs?.(this.access ?? {}, given, context)) ?? given;
        const { outs } = await clusterAccessProvider.create(inputs, context);
        this.access = outs;
        return outs;
    }

    private async checkCoverage(
        { rules, neverSources = [] }: ClusterAccessInputs,
        given: Pick<ClusterCoverageInputs, "registry" | "credentials" | "account" | "accept">,
        context: RegistryContext,
    ): Promise<ClusterCoverageInputs> {
        const news = { ...this.connection(), ...given, rules, candidates: [...neverSources] };
        const inputs = (await clusterCoverageProvider.findInputs?.(this.coverage ?? {}, news, context)) ?? news;
        const { outs } = await clusterCoverageProvider.create(inputs, context);
        this.coverage = outs;
        return outs;
    }

    private async changeOldRules(given: ClusterOldRulesInputs, lines: string[]): Promise<unknown> {
        const olds = this.oldRules;
        const context = this.context(lines);
        const inputs = (await clusterOldRulesProvider.findInputs?.(olds ?? {}, given, context)) ?? given;
        await this.afterPreview();
        try {
            if (olds === undefined) this.oldRules = (await clusterOldRulesProvider.create(inputs, context)).outs;
            else if (clusterOldRulesProvider.compare(olds, inputs).changes)
                this.oldRules = await clusterOldRulesProvider.update(olds, inputs, context);
            return undefined;
        } catch (error) {
            return error;
        }
    }

    private async forgetOldRules(context: RegistryContext): Promise<unknown> {
        try {
            if (this.oldRules !== undefined) await clusterOldRulesProvider.remove(this.oldRules, context);
            this.oldRules = undefined;
            return undefined;
        } catch (error) {
            return error;
        }
    }

    private async write(object: MirrorObject): Promise<void> {
        const metadata = { ...object.metadata, annotations: { [OWNER_ANNOTATION]: OWNER } };
        await this.server.admin.apply({ ...object, metadata }, { force: true });
        await this.settle();
    }

    private async pass(): Promise<boolean> {
        const isChanged = await this.controllers.pass();
        await this.ledger.look();
        return isChanged;
    }

    /** What controllers and nodes do if nothing else is written for as long as they need. */
    async settle(): Promise<void> {
        for (let passes = 0; await this.pass(); passes++) {
            if (passes > MAX_PASSES) throw new Error("the controllers do not come to rest");
        }
        for (const pool of await this.pausedPools()) this.paused.add(pool);
    }

    /** Names of the pools that are paused now. */
    async pausedPools(): Promise<string[]> {
        const kind = { apiVersion: "machineconfiguration.openshift.io/v1", kind: "MachineConfigPool" };
        const pools = await this.server.admin.list<ApiObject>(kind);
        return pools.filter(({ spec }) => spec?.["paused"] === true).map(({ metadata }) => metadata.name);
    }

    private context(lines: string[]): RegistryContext {
        const process = new ProviderProcess({
            followsConfiguration: false,
            clock: this.clock,
            connectCluster: async (options) => this.watched(await connectOnce(options)),
        });
        return { ...operationContext(lines), process };
    }

    /** Between two writes, controllers and nodes do all that they can. */
    private watched(client: ClusterClient): ClusterClient {
        const after = async <T>(call: string, write: () => Promise<T>): Promise<T> => {
            this.beforeWrite(call);
            const result = await write();
            await this.settle();
            return result;
        };
        return {
            server: client.server,
            get: (path, name) => client.get(path, name),
            list: (path) => client.list(path),
            create: (path, object) => after(`create ${object.metadata.name}`, () => client.create(path, object)),
            patch: (path, name, patch) => after(`patch ${name}`, () => client.patch(path, name, patch)),
            remove: (path, name, version) => after(`remove ${name}`, () => client.remove(path, name, version)),
            podLog: (pod, lines) => client.podLog(pod, lines),
            close: () => client.close(),
        };
    }

    private connection() {
        return { selfUrn: "urn", cluster: "", kubeconfig: this.kubeconfig, version: VERSION };
    }

    private mirror() {
        const { registry, authority } = this;
        return {
            registry: {
                type: "distribution" as const,
                mirrorBase: `${registry.host}/mirror`,
                ca: authority.ca,
                retrySeconds: 1,
            },
            credentials: { username: "", password: "" },
            account: "puller" as const,
        };
    }
}

function accessArgs(wanted: readonly MirrorObject[]) {
    const objects = wanted.map(({ apiVersion, kind, metadata: { name } }) => ({
        apiVersion,
        kind,
        metadata: { name },
    }));
    return { rules: JSON.stringify(wanted), objects, owner: OWNER, adopt: false, allowRemoval: false };
}

async function createPods({ admin }: ApiServer, references: readonly string[]): Promise<void> {
    await admin.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } });
    await admin.apply({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default", namespace: "shop" } });
    for (const [at, image] of references.entries()) {
        const metadata = { name: `pod-${at}`, namespace: "shop" };
        const spec = { containers: [{ name: "app", image }] };
        await admin.create({ apiVersion: "v1", kind: "Pod", metadata, spec } as NamedObject);
    }
}

/** @returns the digest, which depends on the label alone */
async function push(
    registry: RegistryProcess,
    { ca }: TestAuthority,
    repository: string,
    tag: string,
    label: string,
): Promise<string> {
    const origin = `https://${registry.host}`;
    const send: Send = (method, path, body, headers) =>
        new Promise((resolve, reject) => {
            const sent = request(new URL(path, origin), { method, headers, ca }, (response) => {
                response.resume();
                resolve({ status: response.statusCode ?? 0, headers: response.headers });
            });
            sent.on("error", reject);
            sent.end(body);
        });
    return (await new ContractImages(send, origin).image(repository, tag, label)).digest;
}
