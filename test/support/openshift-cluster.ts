import { createHash } from "node:crypto";
import type { ApiClient, ApiObject, NamedObject } from "./cluster/api-client";

export interface ClusterOptions {
    /** `4.16.20`: of ClusterVersion. */
    readonly version: string;
    /** Nodes by pool; a pool but `master` and `worker` is a custom one. Default: three masters, two workers. */
    readonly nodes?: Readonly<Record<string, number>>;
    /** `.dockerconfigjson` of the global pull secret, byte for byte; default: `PULL_SECRET`. */
    readonly pullSecret?: string;
    /** `spec` of `Image/cluster`. */
    readonly image?: object;
}

/** The state that a fresh cluster would be in, with nothing that changes it: no controller runs. */
export interface OpenShiftCluster {
    readonly releaseImage: string;
    /** Names of the nodes by pool. */
    readonly nodes: Readonly<Record<string, readonly string[]>>;
}

const MCO = "machineconfiguration.openshift.io";
const CONFIG = "config.openshift.io/v1";
/** The API takes no empty text for bytes. */
const NO_CERTIFICATES = Buffer.from("\n", "utf8").toString("base64");
const STARTED = "2026-01-10T08:00:00Z";
const COMPLETED = "2026-01-10T08:45:00Z";

const NAMESPACES = [
    "openshift-config",
    "openshift-config-managed",
    "openshift-image-registry",
    "openshift-machine-config-operator",
    "openshift-marketplace",
    "openshift-update-service",
];

const login = (user: string) => Buffer.from(`${user}:other-secret-of-${user}`, "utf8").toString("base64");

/** A pull secret as people have them: spaces, an email, a key of unknown use, a last entry that is more than a login. */
export const PULL_SECRET = `{"auths": {
  "cloud.openshift.com": {"auth":"${login("cloud")}", "email":"admin@lab.test"},
  "quay.io" : {"auth":"${login("quay")}", "email":"admin@lab.test"},
  "registry.redhat.io":{"auth":"${login("redhat")}"},
  "other.registry.test:5000/team":{"username":"team","password":"\\u00e4 secret","auth":"${login("team")}"}
}, "credsStore" : "" }
`;

/** Creates namespaces, nodes and the objects of which every OpenShift cluster has exactly one. */
export async function createCluster(admin: ApiClient, options: ClusterOptions): Promise<OpenShiftCluster> {
    const { version, nodes = { master: 3, worker: 2 }, pullSecret = PULL_SECRET, image = {} } = options;
    const releaseImage = releaseImageOf(version);
    await Promise.all(NAMESPACES.map((name) => admin.create(object("v1", "Namespace", { name }))));
    await admin.create(globalPullSecret(pullSecret));
    await admin.create(object(CONFIG, "Image", { name: "cluster" }, { spec: image }));
    await admin.create(object(CONFIG, "OperatorHub", { name: "cluster" }, { spec: {} }));
    await createClusterVersion(admin, version);
    const controllerConfig = await createControllerConfig(admin, version, releaseImage);
    const names = Object.entries(nodes).map(([pool, count]) => [pool, nodeNames(pool, count)] as const);
    for (const [pool, members] of names) {
        await createPool(admin, pool, members.length);
        await Promise.all(members.map((name) => admin.create(node(name, pool, controllerConfig))));
    }
    return { releaseImage, nodes: Object.fromEntries(names) };
}

/** The name of a pool's rendered configuration in a cluster that `createCluster` made. */
export function firstRenderedConfig(pool: string): string {
    return `rendered-${pool}-${hash(pool, 32)}`;
}

function object(
    apiVersion: string,
    kind: string,
    metadata: NamedObject["metadata"] & Readonly<Record<string, unknown>>,
    rest: object = {},
): NamedObject {
    return { apiVersion, kind, metadata, ...rest };
}

function hash(text: string, digits: number): string {
    return createHash("sha256").update(text).digest("hex").slice(0, digits);
}

function nodeNames(pool: string, count: number): string[] {
    return Array.from({ length: count }, (_, at) => `${pool}-${at}`);
}

function globalPullSecret(text: string): NamedObject {
    const data = { ".dockerconfigjson": Buffer.from(text, "utf8").toString("base64") };
    const metadata = { name: "pull-secret", namespace: "openshift-config" };
    return object("v1", "Secret", metadata, { type: "kubernetes.io/dockerconfigjson", data });
}

const CLUSTER_VERSION = object(CONFIG, "ClusterVersion", { name: "version" });

async function createClusterVersion(admin: ApiClient, version: string): Promise<void> {
    const channel = `stable-${version.split(".").slice(0, 2).join(".")}`;
    const spec = { clusterID: "6f5c4b3a-2d1e-4f00-9a8b-7c6d5e4f3a2b", channel };
    const created = await admin.create({ ...CLUSTER_VERSION, spec } as NamedObject);
    await admin.replaceStatus({ ...created, status: versionStatus(version) } as NamedObject);
}

/** What ClusterVersion reports after an upgrade. @param version `4.16.20` */
export async function setClusterVersion(admin: ApiClient, version: string): Promise<void> {
    const current = await admin.get(CLUSTER_VERSION);
    if (current === undefined) throw new Error("the cluster has no ClusterVersion");
    // Not a merge patch: it would drop `availableUpdates`, which is null without an update service.
    await admin.replaceStatus({ ...current, status: versionStatus(version) } as NamedObject);
}

function releaseImageOf(version: string): string {
    return `quay.io/openshift-release-dev/ocp-release@sha256:${hash(version, 64)}`;
}

/** `status` of a ClusterVersion that has come to a release and stays there. */
function versionStatus(version: string): object {
    const image = releaseImageOf(version);
    return {
        desired: { version, image },
        history: [
            { state: "Completed", startedTime: STARTED, completionTime: COMPLETED, version, image, verified: true },
        ],
        observedGeneration: 1,
        versionHash: hash(image, 16),
        availableUpdates: null,
        conditions: [
            condition("Available", "True", `Done applying ${version}`),
            condition("Progressing", "False", `Cluster version is ${version}`),
            condition("Failing", "False", ""),
        ],
    };
}

function condition(type: string, status: "True" | "False", message: string): object {
    return { type, status, message, lastTransitionTime: COMPLETED, reason: "AsExpected" };
}

/** @returns its resourceVersion, which nodes repeat once they have what it says */
async function createControllerConfig(admin: ApiClient, version: string, releaseImage: string): Promise<string> {
    const spec = {
        additionalTrustBundle: null,
        baseOSContainerImage: `quay.io/openshift-release-dev/ocp-v4.0-art-dev@sha256:${hash(`os ${version}`, 64)}`,
        cloudProviderCAData: null,
        cloudProviderConfig: "",
        clusterDNSIP: "172.30.0.10",
        dns: {
            apiVersion: CONFIG,
            kind: "DNS",
            metadata: { name: "cluster" },
            spec: { baseDomain: "cluster.lab.test", platform: { type: "" } },
            status: {},
        },
        images: {},
        infra: {
            apiVersion: CONFIG,
            kind: "Infrastructure",
            metadata: { name: "cluster" },
            spec: { cloudConfig: { name: "" }, platformSpec: { type: "None" } },
        },
        ipFamilies: "IPv4",
        kubeAPIServerServingCAData: NO_CERTIFICATES,
        network: null,
        osImageURL: "",
        proxy: null,
        releaseImage,
        rootCAData: NO_CERTIFICATES,
    };
    const metadata = { name: "machine-config-controller" };
    const created = await admin.create(object(`${MCO}/v1`, "ControllerConfig", metadata, { spec }));
    const status = {
        observedGeneration: created.metadata.generation,
        conditions: [
            condition("TemplateControllerCompleted", "True", ""),
            condition("TemplateControllerRunning", "False", ""),
            condition("TemplateControllerFailing", "False", ""),
        ],
    };
    const settled = await admin.replaceStatus<ApiObject>({ ...created, status } as NamedObject);
    return settled.metadata.resourceVersion;
}

/** A pool that has rolled out its first rendered configuration. */
async function createPool(admin: ApiClient, pool: string, count: number): Promise<void> {
    const base = object(
        `${MCO}/v1`,
        "MachineConfig",
        { name: `00-${pool}`, labels: { [`${MCO}/role`]: pool } },
        { spec: ignition() },
    );
    const rendered = object(`${MCO}/v1`, "MachineConfig", { name: firstRenderedConfig(pool) }, { spec: ignition() });
    await admin.create(base);
    await admin.create(rendered);
    const configuration = {
        name: rendered.metadata.name,
        source: [{ apiVersion: `${MCO}/v1`, kind: "MachineConfig", name: base.metadata.name }],
    };
    const created = await admin.create(machineConfigPool(pool, configuration));
    const status = {
        observedGeneration: created.metadata.generation,
        configuration,
        machineCount: count,
        updatedMachineCount: count,
        readyMachineCount: count,
        unavailableMachineCount: 0,
        degradedMachineCount: 0,
        conditions: [
            condition("Updated", "True", `All nodes are updated with MachineConfig ${rendered.metadata.name}`),
            ...["Updating", "Degraded", "NodeDegraded", "RenderDegraded"].map((type) => condition(type, "False", "")),
        ],
    };
    await admin.replaceStatus({ ...created, status } as NamedObject);
}

function machineConfigPool(pool: string, configuration: object): NamedObject {
    const isCustom = pool !== "master" && pool !== "worker";
    const roles = isCustom
        ? { matchExpressions: [{ key: `${MCO}/role`, operator: "In", values: ["worker", pool] }] }
        : { matchLabels: { [`${MCO}/role`]: pool } };
    const spec = {
        configuration,
        machineConfigSelector: roles,
        nodeSelector: { matchLabels: { [`node-role.kubernetes.io/${pool}`]: "" } },
        paused: false,
    };
    return object(`${MCO}/v1`, "MachineConfigPool", { name: pool }, { spec });
}

function ignition(): object {
    return { config: { ignition: { version: "3.4.0" } }, kernelArguments: [] };
}

function node(name: string, pool: string, controllerConfigVersion: string): NamedObject {
    const roles = pool === "master" ? ["master", "control-plane"] : [...new Set(["worker", pool])];
    const config = firstRenderedConfig(pool);
    const metadata = {
        name,
        labels: {
            "kubernetes.io/hostname": name,
            "node.openshift.io/os_id": "rhcos",
            ...Object.fromEntries(roles.map((role) => [`node-role.kubernetes.io/${role}`, ""])),
        },
        annotations: {
            [`${MCO}/currentConfig`]: config,
            [`${MCO}/desiredConfig`]: config,
            [`${MCO}/state`]: "Done",
            [`${MCO}/lastSyncedControllerConfigResourceVersion`]: controllerConfigVersion,
        },
    };
    const ready = { type: "Ready", status: "True", reason: "KubeletReady", lastTransitionTime: COMPLETED };
    return object("v1", "Node", metadata, { spec: {}, status: { conditions: [ready] } });
}
