import { stringify } from "yaml";
import type { ApiClient, NamedObject } from "./cluster/api-client";
import { type AuditedRequest, ControlPlane } from "./cluster/control-plane";
import { type Release, installDefinitions } from "./cluster/definitions";
import type { ServerCertificate, TestAuthority } from "./certificates";

export interface ApiServerOptions {
    /** Installs OpenShift's custom resource definitions of this release; absent: a plain Kubernetes API. */
    readonly crds?: Release;
    /** A controller that collects what has lost its owners runs too. */
    readonly collectsGarbage?: boolean;
}

/** A rule of a ClusterRole or, with `namespace`, of a Role there. */
export interface PolicyRule {
    readonly namespace?: string;
    readonly apiGroups: readonly string[];
    readonly resources: readonly string[];
    readonly resourceNames?: readonly string[];
    readonly verbs: readonly string[];
}

/** A real Kubernetes API server with its etcd on loopback; no controller, scheduler or kubelet runs. */
export interface ApiServer extends AsyncDisposable {
    /** `https://localhost:<port>`. */
    readonly url: string;
    readonly port: number;
    /** PEM of the CA that signed the server's certificate; it accepts client certificates of this CA too. */
    readonly ca: string;
    /** Signs more certificates of that CA: of clients (common name = user), of proxies in front of the server. */
    readonly authority: TestAuthority;
    /** YAML; may do everything. */
    readonly kubeconfig: string;
    /** May do everything. */
    readonly admin: ApiClient;
    /** @returns the kubeconfig (YAML) of a service account that has these rights and no others */
    kubeconfigFor(account: string, rules?: readonly PolicyRule[]): Promise<string>;
    /** @returns the kubeconfig (YAML) of a user who logs in with a client certificate; give rights with role bindings */
    certificateKubeconfig(user: string): Promise<string>;
    /** What users asked, in the order of the responses. */
    requests(): AuditedRequest[];
    /** Ends the API server; its content stays in etcd. */
    kill(signal?: NodeJS.Signals): Promise<void>;
    /** The same API server again, on the same port, with the same content; kills it first if it runs. */
    restart(): Promise<void>;
    /** Resident memory of etcd and API server, in bytes. */
    memory(): number;
    stop(): Promise<void>;
}

/** Starts an API server; `stop` ends its processes and removes its files. */
export async function startApiServer({ crds, collectsGarbage }: ApiServerOptions = {}): Promise<ApiServer> {
    const plane = await ControlPlane.start(collectsGarbage);
    const admin = plane.client();
    const stop = async () => {
        admin.close();
        await plane.stop();
    };
    try {
        if (crds !== undefined) await installDefinitions(admin, crds);
    } catch (error) {
        await stop();
        throw error;
    }
    const { url, port, authority } = plane;
    const server = { url, ca: authority.ca };
    return {
        ...server,
        port,
        authority,
        admin,
        kubeconfig: formatKubeconfig(server, "admin", { token: plane.adminToken }),
        kubeconfigFor: async (account, rules = []) => {
            const token = await createServiceAccount(admin, account, rules);
            return formatKubeconfig(server, account, { token });
        },
        certificateKubeconfig: async (user) => formatKubeconfig(server, user, await issueUser(authority, user)),
        requests: () => plane.requests(),
        kill: (signal) => plane.killApiServer(signal),
        restart: async () => {
            await plane.killApiServer();
            await plane.startApiServer();
        },
        memory: () => plane.memory(),
        stop,
        [Symbol.asyncDispose]: stop,
    };
}

/** A kubeconfig with one cluster, user and context, all called `user`. */
export function formatKubeconfig(
    server: { readonly url: string; readonly ca: string },
    user: string,
    login: { readonly token: string } | ServerCertificate,
): string {
    const base64 = (text: string) => Buffer.from(text, "utf8").toString("base64");
    const credentials =
        "token" in login
            ? { token: login.token }
            : { "client-certificate-data": base64(login.certificate), "client-key-data": base64(login.key) };
    return stringify({
        apiVersion: "v1",
        kind: "Config",
        clusters: [{ name: user, cluster: { server: server.url, "certificate-authority-data": base64(server.ca) } }],
        users: [{ name: user, user: credentials }],
        contexts: [{ name: user, context: { cluster: user, user } }],
        "current-context": user,
    });
}

/** extendedKeyUsage of a client (RFC 5280, 4.2.1.12). */
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

function issueUser(authority: TestAuthority, user: string): Promise<ServerCertificate> {
    return authority.issue({ names: [], commonName: user, usages: [CLIENT_AUTH] });
}

const ACCOUNTS_NAMESPACE = "default";
const RBAC = "rbac.authorization.k8s.io";

/** @returns a token that is valid for an hour (TokenRequest) */
async function createServiceAccount(admin: ApiClient, name: string, rules: readonly PolicyRule[]): Promise<string> {
    const metadata = { name, namespace: ACCOUNTS_NAMESPACE };
    await admin.apply({ apiVersion: "v1", kind: "ServiceAccount", metadata });
    for (const namespace of new Set([undefined, ...rules.map((rule) => rule.namespace)])) {
        for (const object of grant(name, namespace, rules)) await admin.apply(object);
    }
    const path = `/api/v1/namespaces/${ACCOUNTS_NAMESPACE}/serviceaccounts/${name}/token`;
    const response = await admin.request("POST", path, { spec: { expirationSeconds: 3600 } });
    if (response.status !== 201) throw new Error(`no token for ${name}: ${response.text}`);
    return (JSON.parse(response.text) as { status: { token: string } }).status.token;
}

/** The role with the rules of one namespace (undefined: of the cluster) and its binding. */
function grant(name: string, namespace: string | undefined, rules: readonly PolicyRule[]): NamedObject[] {
    const prefix = namespace === undefined ? "Cluster" : "";
    const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
    const role = {
        apiVersion: `${RBAC}/v1`,
        kind: `${prefix}Role`,
        metadata,
        rules: rules.filter((rule) => rule.namespace === namespace).map(({ namespace: _, ...rule }) => rule),
    };
    const binding = {
        apiVersion: `${RBAC}/v1`,
        kind: `${prefix}RoleBinding`,
        metadata,
        roleRef: { apiGroup: RBAC, kind: `${prefix}Role`, name },
        subjects: [{ kind: "ServiceAccount", name, namespace: ACCOUNTS_NAMESPACE }],
    };
    return [role, binding];
}
