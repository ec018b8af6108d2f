import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { ConfigMap, ControllerConfig, MachineConfigPool } from "../../lib/openshift/rollout/rollout-objects";
import { registriesConf } from "../../lib/openshift/rules/registries-conf";
import { formatRegistriesConf } from "../../lib/openshift/rules/registries-toml";
import type { MirrorObject } from "../../lib/openshift/rules/mirror-object-types";
import type { ImageConfig, Secret } from "../../lib/openshift/trust/trusted-ca";
import { ApiError, type ApiClient, type ApiObject, type NamedObject } from "./cluster/api-client";
import { imagePolicyFiles } from "./image-policy-files";

/** How the machine-config operator of a test behaves beside what it is asked to do. */
export interface MachineConfigScript {
    /** By node: passes that its daemon is late with a ControllerConfig, and with a configuration. */
    readonly slowNodes?: Readonly<Record<string, number>>;
    /** By node: why it cannot take a new configuration. */
    readonly degradedNodes?: Readonly<Record<string, string>>;
    /** False: it refuses mirror objects, which it says in its log only. */
    readonly acceptsRules?: boolean;
}

const MCO = "machineconfiguration.openshift.io";
const V1 = `${MCO}/v1`;
const CONFIG = "config.openshift.io/v1";
const SYNCED = `${MCO}/lastSyncedControllerConfigResourceVersion`;
const [CURRENT, DESIRED, STATE] = [`${MCO}/currentConfig`, `${MCO}/desiredConfig`, `${MCO}/state`];
const CONTROLLER_CONFIG = { apiVersion: V1, kind: "ControllerConfig", metadata: { name: "machine-config-controller" } };
const IMAGE = { apiVersion: CONFIG, kind: "Image", metadata: { name: "cluster" } };
const PULL_SECRET = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "pull-secret", namespace: "openshift-config" },
};
const MIRROR_KINDS = [
    { apiVersion: CONFIG, kind: "ImageDigestMirrorSet" },
    { apiVersion: CONFIG, kind: "ImageTagMirrorSet" },
    { apiVersion: "operator.openshift.io/v1alpha1", kind: "ImageContentSourcePolicy" },
];
const BUILT_IN = ["master", "worker", "arbiter"];
const MAX_PASSES = 200;
const RETRY_MS = 100;

type Files = Readonly<Record<string, string>>;
type Conditions = Readonly<Record<string, { readonly status: "True" | "False"; readonly message?: string }>>;

/**
 * What the machine-config operator does, as far as registries are concerned, on an API server that has no controllers: the
 * CAs that Image/cluster names go into the ControllerConfig and from there to the nodes, pull secret and mirror objects
 * into rendered configurations, which pools roll out one node after the other. Works by passes, each of which takes every
 * controller one step further, so that a test decides what happens when.
 */
export class MachineConfigControllers {
    script: MachineConfigScript = {};
    private readonly late = new Map<string, number>();

    /** @param version of the cluster, `4.16.20` */
    constructor(
        private readonly api: ApiClient,
        private readonly version: string,
    ) {}

    /** @returns true if anything has changed, or the API asks to come again later */
    async pass(): Promise<boolean> {
        try {
            const changed = [await this.syncTrust(), await this.render(), await this.rollOut(), await this.syncNodes()];
            return changed.includes(true);
        } catch (error) {
            // An API server that has just started reads its definitions: "storage is (re)initializing".
            if (!(error instanceof ApiError) || error.status !== 429) throw error;
            await delay(RETRY_MS);
            return true;
        }
    }

    /** Passes until nothing changes any more. */
    async settle(): Promise<void> {
        for (let passes = 0; await this.pass(); passes++) {
            if (passes > MAX_PASSES) throw new Error("the controllers do not come to rest");
        }
    }

    /** pkg/operator/sync.go */
    private async syncTrust(): Promise<boolean> {
        const image = await this.api.get<ImageConfig>(IMAGE);
        const name = image?.spec?.additionalTrustedCA?.name ?? "";
        const metadata = { name, namespace: "openshift-config" };
        const map =
            name === "" ? undefined : await this.api.get<ConfigMap>({ apiVersion: "v1", kind: "ConfigMap", metadata });
        const base64 = (text: string) => Buffer.from(text, "utf8").toString("base64");
        const bundle = [
            ...Object.entries(map?.data ?? {}).map(([file, text]) => ({ file, data: base64(text) })),
            ...Object.entries(map?.binaryData ?? {}).map(([file, data]) => ({ file, data })),
        ];
        const config = await this.api.get<ControllerConfig>(CONTROLLER_CONFIG);
        if (isSame(config?.spec.imageRegistryBundleUserData ?? [], bundle)) return false;
        await this.api.patch(CONTROLLER_CONFIG, { spec: { imageRegistryBundleUserData: bundle } });
        return true;
    }

    /** pkg/controller/{template,container-runtime-config,render} */
    private async render(): Promise<boolean> {
        const secret = await this.api.get<Secret>(PULL_SECRET);
        const text = Buffer.from(secret?.data?.[".dockerconfigjson"] ?? "", "base64").toString("utf8");
        const auth = { "/var/lib/kubelet/config.json": `${JSON.stringify(JSON.parse(text))}\n` };
        const rules = await this.generatedRules();
        let isChanged = false;
        for (const pool of await this.pools()) {
            const { name } = pool.metadata;
            if (BUILT_IN.includes(name) && rules !== undefined)
                isChanged = (await this.writeConfig(`99-${name}-generated-registries`, rules)) || isChanged;
            const inherited = BUILT_IN.includes(name) ? name : "worker";
            const conf = await this.readConfig(`99-${inherited}-generated-registries`);
            isChanged = (await this.renderPool(pool, { ...auth, ...conf })) || isChanged;
        }
        return isChanged;
    }

    /** undefined: the operator refuses the objects. */
    private async generatedRules(): Promise<Files | undefined> {
        if (this.script.acceptsRules === false) return undefined;
        const objects: ApiObject[] = [];
        for (const kind of MIRROR_KINDS) objects.push(...(await this.listKind(kind)));
        try {
            const conf = registriesConf(objects as unknown as MirrorObject[], this.version);
            const policies = await this.listKind({ apiVersion: CONFIG, kind: "ClusterImagePolicy" });
            const ofNamespaces = await this.listKind({ apiVersion: CONFIG, kind: "ImagePolicy" });
            const files = imagePolicyFiles(policies, ofNamespaces);
            return { "/etc/containers/registries.conf": formatRegistriesConf(conf), ...files };
        } catch {
            return undefined;
        }
    }

    private async renderPool(pool: MachineConfigPool, files: Files): Promise<boolean> {
        const hash = createHash("sha256").update(JSON.stringify(files)).digest("hex").slice(0, 32);
        const name = `rendered-${pool.metadata.name}-${hash}`;
        if (pool.spec.configuration?.name === name) return false;
        await this.writeConfig(name, files);
        await this.api.patch(pool, { spec: { configuration: { name } } });
        return true;
    }

    /** pkg/controller/node: one node of a pool after the other. */
    private async rollOut(): Promise<boolean> {
        const nodes = await this.listKind({ apiVersion: "v1", kind: "Node" });
        let isChanged = false;
        for (const pool of await this.pools()) {
            const members = nodes.filter((node) => poolOf(node) === pool.metadata.name);
            const wanted = pool.spec.configuration?.name ?? "";
            const next = members.find((node) => node.metadata.annotations?.[CURRENT] !== wanted);
            const isMoving = pool.spec.paused !== true && next !== undefined;
            if (isMoving) isChanged = (await this.moveNode(next, wanted)) || isChanged;
            isChanged = (await this.writeStatus(pool, members)) || isChanged;
        }
        return isChanged;
    }

    private async moveNode(node: ApiObject, wanted: string): Promise<boolean> {
        const { name, annotations } = node.metadata;
        if (this.script.degradedNodes?.[name] !== undefined || this.isLate(name, wanted)) {
            const isNew = annotations?.[DESIRED] !== wanted;
            if (isNew) await this.annotate(node, { [DESIRED]: wanted, [STATE]: "Working" });
            return isNew || this.script.degradedNodes?.[name] === undefined;
        }
        await this.annotate(node, { [DESIRED]: wanted, [CURRENT]: wanted, [STATE]: "Done" });
        return true;
    }

    /** pkg/controller/node/status.go */
    private async writeStatus({ metadata, spec }: MachineConfigPool, members: readonly ApiObject[]): Promise<boolean> {
        const pool = await this.api.get<MachineConfigPool>({ apiVersion: V1, kind: "MachineConfigPool", metadata });
        if (pool === undefined) return false;
        const wanted = spec.configuration?.name ?? "";
        const nodes = await Promise.all(members.map(async (node) => (await this.api.get(node)) ?? node));
        const updated = nodes.filter((node) => node.metadata.annotations?.[CURRENT] === wanted).length;
        const busy = nodes.filter(({ metadata: { annotations } }) => annotations?.[CURRENT] !== annotations?.[DESIRED]);
        const degraded = busy.filter((node) => this.script.degradedNodes?.[node.metadata.name] !== undefined);
        const isUpdated = updated === nodes.length;
        const message = degraded.map(
            ({ metadata: { name } }) => `Node ${name}: ${this.script.degradedNodes?.[name] ?? ""}`,
        );
        const status = {
            observedGeneration: pool.metadata.generation ?? 0,
            machineCount: nodes.length,
            updatedMachineCount: updated,
            readyMachineCount: nodes.length - busy.length,
            unavailableMachineCount: busy.length,
            degradedMachineCount: degraded.length,
            // Its sources, which a merge patch keeps, are not looked at.
            configuration: {
                ...pool.status?.configuration,
                name: isUpdated ? wanted : (pool.status?.configuration?.name ?? wanted),
            },
            conditions: conditions({
                Updated: { status: isUpdated ? "True" : "False" },
                Updating: { status: isUpdated || spec.paused === true ? "False" : "True" },
                Degraded: { status: degraded.length > 0 ? "True" : "False" },
                NodeDegraded: { status: degraded.length > 0 ? "True" : "False", message: message.join("; ") },
                RenderDegraded: { status: "False" },
            }),
        };
        if (isSame(pool.status, { ...pool.status, ...status })) return false;
        await this.api.patch(pool, { status }, "/status");
        return true;
    }

    /** pkg/daemon/certificate_writer.go */
    private async syncNodes(): Promise<boolean> {
        const config = await this.api.get(CONTROLLER_CONFIG);
        const version = config?.metadata.resourceVersion ?? "";
        let isChanged = false;
        for (const node of await this.listKind({ apiVersion: "v1", kind: "Node" })) {
            if (node.metadata.annotations?.[SYNCED] === version) continue;
            isChanged = true;
            if (!this.isLate(node.metadata.name, version)) await this.annotate(node, { [SYNCED]: version });
        }
        return isChanged;
    }

    /** True for as many passes as the node is slow, for each thing that it is to take. */
    private isLate(node: string, thing: string): boolean {
        const key = `${node} ${thing}`;
        const passes = this.late.get(key) ?? 0;
        this.late.set(key, passes + 1);
        return passes < (this.script.slowNodes?.[node] ?? 0);
    }

    private async annotate(node: NamedObject, annotations: Files): Promise<void> {
        await this.api.patch(node, { metadata: { annotations } });
    }

    private async pools(): Promise<MachineConfigPool[]> {
        const pools = await this.listKind({ apiVersion: V1, kind: "MachineConfigPool" });
        return pools as unknown as MachineConfigPool[];
    }

    /** Items of a list have no kind. */
    private async listKind(kind: Pick<NamedObject, "apiVersion" | "kind">): Promise<ApiObject[]> {
        try {
            return (await this.api.list(kind)).map((item) => ({ ...item, ...kind }));
        } catch (error) {
            if (error instanceof ApiError && error.status === 404) return [];
            throw error;
        }
    }

    private async readConfig(name: string): Promise<Files> {
        const found = await this.api.get({ apiVersion: V1, kind: "MachineConfig", metadata: { name } });
        const spec = found?.spec as { config?: { storage?: { files?: IgnitionFile[] } } } | undefined;
        const files = spec?.config?.storage?.files ?? [];
        return Object.fromEntries(files.map(({ path, contents }) => [path, decodeSource(contents.source)]));
    }

    private async writeConfig(name: string, files: Files): Promise<boolean> {
        if (isSame(await this.readConfig(name), files)) return false;
        const storage = {
            files: Object.entries(files).map(([path, text]) => ({
                ...{ path, mode: 0o600, overwrite: true },
                contents: { source: encodeSource(text), compression: "" },
            })),
        };
        const spec = { config: { ignition: { version: "3.4.0" }, storage } };
        const object = { apiVersion: V1, kind: "MachineConfig", metadata: { name } };
        const exists = (await this.api.get(object)) !== undefined;
        if (exists) await this.api.patch(object, { spec });
        else await this.api.create({ ...object, spec } as NamedObject);
        return true;
    }
}

interface IgnitionFile {
    readonly path: string;
    readonly contents: { readonly source: string };
}

const SOURCE = "data:text/plain;charset=utf-8;base64,";

function encodeSource(text: string): string {
    return `${SOURCE}${Buffer.from(text, "utf8").toString("base64")}`;
}

function decodeSource(source: string): string {
    return Buffer.from(source.slice(SOURCE.length), "base64").toString("utf8");
}

/** A node of a custom pool is one of `worker` too, which does not count it. */
export function poolOf({ metadata }: ApiObject): string {
    const roles = Object.keys(metadata.labels ?? {}).flatMap(
        (label) => /^node-role\.kubernetes\.io\/(.+)$/.exec(label)?.[1] ?? [],
    );
    return (
        roles.find((role) => !["master", "control-plane", "worker"].includes(role)) ??
        roles.find((role) => role === "master") ??
        "worker"
    );
}

function conditions(wanted: Conditions): object[] {
    const lastTransitionTime = "2026-01-10T09:00:00Z";
    return Object.entries(wanted).map(([type, { status, message = "" }]) => ({
        ...{ type, status, message, lastTransitionTime, reason: "" },
    }));
}

/** Equal as JSON, whatever the order of keys. */
function isSame(a: unknown, b: unknown): boolean {
    return canonical(a) === canonical(b);
}

function canonical(value: unknown): string {
    return JSON.stringify(value, (_key, member: unknown) =>
        typeof member === "object" && member !== null && !Array.isArray(member)
            ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
            : member,
    );
}
