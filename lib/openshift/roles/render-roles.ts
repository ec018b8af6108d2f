import { formatObjects } from "../objects/objects-yaml";
import { withUsage } from "../targets/target";
import { REGISTRY_NAMESPACE } from "../deployed-registry/deployment";
import { PROBE_NAMESPACE, standingNamespace } from "../probe/probe-pods";
import { parseClusterVersion } from "../versions";
import { type ClusterFunction, IMPORT_NAMESPACE, RIGHTS, type Right } from "./rights";

/** A rule of a ClusterRole or, with `namespace`, of a Role there (rbac.authorization.k8s.io/v1). */
export interface PolicyRule {
    readonly namespace?: string;
    readonly apiGroups: readonly string[];
    readonly resources: readonly string[];
    readonly resourceNames?: readonly string[];
    readonly verbs: readonly string[];
}

/** The folder of the roles, below that of a stack. */
const ROLES_FOLDER = "roles";

const NAME = "registry-passthrough";
const NAMESPACE = NAME;
/** The account that is bound to all rendered roles, and the one that is bound to coverage alone. */
const ACCOUNTS = { writer: NAME, reader: `${NAME}-reader` } as const;
/** The only function that is used by itself, with the command line, and changes nothing. */
const READING: ClusterFunction = "coverage";
const RBAC = "rbac.authorization.k8s.io";

/**
 * A file with roles and bindings for each function, and one with the accounts that they are bound to, below `roles/`.
 * @param version `4.18.20` or `4.18`; absent: the newest
 * @param namespaces of what this program runs in the cluster
 * @throws PassthroughError `CLUSTER_VERSION_INVALID`
 */
export function renderRoles(
    functions: readonly ClusterFunction[],
    version?: string,
    namespaces: RoleNamespaces = {},
): Record<string, string> {
    const { proof = PROBE_NAMESPACE, registry = REGISTRY_NAMESPACE, imports = [] } = namespaces;
    const cluster = { version, proof, registry, imports };
    if (functions.length === 0) return {};
    const files = functions.map((name) => [`${ROLES_FOLDER}/${name}.yaml`, roleFile(name, cluster)]);
    return {
        [`${ROLES_FOLDER}/service-accounts.yaml`]: accountsFile(functions),
        ...(Object.fromEntries(files) as object),
    };
}

/** Where this program runs something in a cluster; absent: in the namespaces that it takes by itself. */
export interface RoleNamespaces {
    /** The pods of the proof. */
    readonly proof?: string | undefined;
    /** The registry that the program runs. */
    readonly registry?: string | undefined;
    /** Those with archives that are imported there; they exist. */
    readonly imports?: readonly string[];
}

/** The cluster that roles are for. */
interface RoleCluster {
    readonly version: string | undefined;
    readonly proof: string;
    readonly registry: string;
    readonly imports: readonly string[];
}

/** The functions that run something in a namespace of its own. */
const RUNNING = ["proof", "registry"] as const;
type Running = (typeof RUNNING)[number];

function isRunning(name: ClusterFunction): name is Running {
    return RUNNING.some((running) => running === name);
}

function rightsOf(name: ClusterFunction, { version, proof, registry, imports }: RoleCluster): Right[] {
    const parsed = version === undefined ? undefined : parseClusterVersion(version);
    const places = new Map([
        [PROBE_NAMESPACE, proof],
        [REGISTRY_NAMESPACE, registry],
    ]);
    const place = (text: string) => places.get(text) ?? text;
    return RIGHTS[name]
        .filter(({ isServed }) => isServed?.(parsed) ?? true)
        .flatMap((right) =>
            right.namespace === IMPORT_NAMESPACE ? imports.map((namespace) => ({ ...right, namespace })) : [right],
        )
        .map(({ namespace, names, ...right }) => ({
            ...right,
            ...(namespace === undefined ? {} : { namespace: place(namespace) }),
            ...(names === undefined ? {} : { names: names.map(place) }),
        }));
}

function toRule({ namespace, apiGroup, resource, names, verbs }: Right): PolicyRule {
    return {
        ...(namespace === undefined ? {} : { namespace }),
        apiGroups: [apiGroup],
        resources: [resource],
        ...(names === undefined ? {} : { resourceNames: names }),
        verbs,
    };
}

function roleFile(name: ClusterFunction, cluster: RoleCluster): string {
    const rights = rightsOf(name, cluster);
    const namespaces = [...new Set(rights.map(({ namespace }) => namespace))];
    const objects = namespaces.flatMap((namespace) =>
        roleAndBinding(
            name,
            namespace,
            rights.filter((right) => right.namespace === namespace),
        ),
    );
    const usage = [
        `What Registry Passthrough needs at a cluster for: ${name}. An administrator applies it once, with`,
        "service-accounts.yaml, or binds the roles to another account.",
        ...rights.map(describeRight),
    ];
    // First: the role is in it. Whoever has this role need not be allowed to create namespaces.
    const own = isRunning(name) ? [standingNamespace(cluster[name])] : [];
    return withUsage(usage, formatObjects([...own, ...objects]));
}

function describeRight({ verbs, resource, names = [], namespace, why }: Right): string {
    const objects = names.length === 0 ? resource : `${resource}/${names.join(",")}`;
    return `- ${verbs.join(", ")} ${objects}${namespace === undefined ? "" : ` in ${namespace}`}: ${why}`;
}

function roleAndBinding(name: ClusterFunction, namespace: string | undefined, rights: readonly Right[]): object[] {
    const prefix = namespace === undefined ? "Cluster" : "";
    const metadata = { name: `${NAME}-${name}`, ...(namespace === undefined ? {} : { namespace }) };
    const rules = rights.map(toRule).map(({ namespace: _, ...rule }) => rule);
    const accounts = [ACCOUNTS.writer, ...(name === READING ? [ACCOUNTS.reader] : [])];
    return [
        { apiVersion: `${RBAC}/v1`, kind: `${prefix}Role`, metadata, rules },
        {
            apiVersion: `${RBAC}/v1`,
            kind: `${prefix}RoleBinding`,
            metadata: { ...metadata },
            roleRef: { apiGroup: RBAC, kind: `${prefix}Role`, name: metadata.name },
            subjects: accounts.map((account) => ({ kind: "ServiceAccount", name: account, namespace: NAMESPACE })),
        },
    ];
}

function accountsFile(functions: readonly ClusterFunction[]): string {
    const names = [ACCOUNTS.writer, ...(functions.includes(READING) ? [ACCOUNTS.reader] : [])];
    const usage = [
        `Accounts of Registry Passthrough at a cluster: ${ACCOUNTS.writer} for up and its previews`,
        ...(names.includes(ACCOUNTS.reader) ? [`and ${ACCOUNTS.reader} for coverage, which changes nothing.`] : []),
        `A token: oc create token <account> --namespace ${NAMESPACE}`,
    ];
    const accounts = names.map((name) => ({
        apiVersion: "v1",
        kind: "ServiceAccount",
        metadata: { name, namespace: NAMESPACE },
    }));
    return withUsage(
        usage,
        formatObjects([{ apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } }, ...accounts]),
    );
}
