import type { ClusterClient, ConditionalPatch, KubernetesObject, NewObject, ResourcePath } from "./cluster-client";
import { ClusterError } from "./cluster-error";
import { parseKubeconfig } from "./kubeconfig";
import { type Fields, isFields, mappingField, textField } from "./kubeconfig-document";
import { kubeconfigSecrets } from "./kubeconfig-secrets";
import { type ClientLimits, DEFAULT_LIMITS } from "./limits";
import { FIELD_MANAGER, describeResource, resourcePath } from "./resource-url";
import { isServed } from "./served-kinds";
import { ClusterSession, type SessionRequest, isObjectMissing, isPathMissing } from "./session";
import { parseStatus } from "./api-status";
import type { ApiResponse } from "./transport";

export interface ConnectOptions {
    /** Text of a kubeconfig that names no files: secret. */
    readonly kubeconfig: string;
    /** Absent: its `current-context`. */
    readonly context?: string | undefined;
    /** Where the kubeconfig is configured, for errors: `site.cluster.apply.kubeconfigFile`. */
    readonly key?: string | undefined;
    /** Ends requests, waits and login plugins with its reason. */
    readonly signal?: AbortSignal | undefined;
    /** Default: DEFAULT_LIMITS. */
    readonly limits?: Partial<ClientLimits>;
}

/**
 * A client for the API of the cluster that a kubeconfig names. Nothing is sent before its first method is called.
 * @throws PassthroughError `KUBECONFIG_INVALID`
 */
export async function connectCluster(options: ConnectOptions): Promise<ClusterClient> {
    const { kubeconfig, context, key, signal, limits } = options;
    const account = parseKubeconfig(kubeconfig, { context }, key === undefined ? undefined : { key });
    const all = { ...DEFAULT_LIMITS, ...limits };
    const secrets = () => kubeconfigSecrets(kubeconfig);
    return new HttpClusterClient(new ClusterSession(account, all, { key, secrets }, signal), all);
}

const WRITE = { fieldManager: FIELD_MANAGER, fieldValidation: "Strict" };
/** A list whose pages expire this often changes faster than it can be read: then all of it is asked for at once. */
const PAGED_ATTEMPTS = 2;

class HttpClusterClient implements ClusterClient {
    constructor(
        private readonly session: ClusterSession,
        private readonly limits: Pick<ClientLimits, "pageSize" | "pages">,
    ) {}

    get server(): string {
        return this.session.server;
    }

    get clockDifference(): number | undefined {
        return this.session.clockDifference;
    }

    async get<T extends KubernetesObject>(path: ResourcePath, name: string): Promise<T | undefined> {
        const request = this.request("GET", path, name, { repeatable: "always" });
        const response = await this.session.send(request);
        if (isObjectMissing(response, name)) return undefined;
        await this.throwIfKindMissing(request, path, response);
        return this.checkedObject<T>(request, path, response, name);
    }

    async list<T extends KubernetesObject>(path: ResourcePath): Promise<readonly T[] | undefined> {
        for (let attempt = 0; ; attempt++) {
            const limit = attempt < PAGED_ATTEMPTS ? String(this.limits.pageSize) : undefined;
            const found = await this.listPages<T>(path, limit);
            if (found !== "expired") return found;
        }
    }

    async create<T extends KubernetesObject>(path: ResourcePath, object: NewObject): Promise<T> {
        const { name } = object.metadata;
        const request = this.request("POST", path, undefined, {
            repeatable: "if-refused",
            query: WRITE,
            body: { type: "application/json", text: JSON.stringify(object) },
            shown: name,
        });
        const response = await this.session.send(request);
        await this.throwIfKindMissing(request, path, response);
        return this.checkedObject<T>(request, path, response, name);
    }

    async patch<T extends KubernetesObject>(path: ResourcePath, name: string, patch: ConditionalPatch): Promise<T> {
        const request = this.request("PATCH", path, name, {
            // The resourceVersion keeps it from being applied twice.
            repeatable: "always",
            query: WRITE,
            body: { type: "application/merge-patch+json", text: JSON.stringify(patch) },
        });
        const response = await this.session.send(request);
        if (isObjectMissing(response, name)) throw this.deletedMeanwhile(request);
        await this.throwIfKindMissing(request, path, response);
        return this.checkedObject<T>(request, path, response, name);
    }

    async remove(path: ResourcePath, name: string, resourceVersion: string, dependents?: "first"): Promise<void> {
        const propagation = dependents === "first" ? { propagationPolicy: "Foreground" } : {};
        const options = { apiVersion: "v1", kind: "DeleteOptions", preconditions: { resourceVersion }, ...propagation };
        const request = this.request("DELETE", path, name, {
            repeatable: "always",
            body: { type: "application/json", text: JSON.stringify(options) },
        });
        const response = await this.session.send(request);
        if (isObjectMissing(response, name)) return;
        // Objects of a kind that is not served any more do not exist either.
        if (isPathMissing(response) && !(await isServed(this.session, path))) return;
        this.session.object(request, response);
    }

    async podLog(
        { name, namespace }: { readonly name: string; readonly namespace: string },
        lines: number,
    ): Promise<string | undefined> {
        const path = { apiVersion: "v1", resource: "pods", namespace };
        const url = `${resourcePath(path, name)}/log?tailLines=${lines}`;
        const operation = `GET ${describeResource(path, name)}/log`;
        const request: SessionRequest = { method: "GET", path: url, operation, repeatable: "always" };
        const response = await this.session.send(request);
        if (response.status === 200) return response.text;
        // A pod without a node has none yet (registry/core/pod/strategy.go, LogLocation: no location, and no error).
        if (response.status === 204) return "";
        if (isObjectMissing(response, name)) return undefined;
        // The container is waiting to start, or its log is gone (kubelet and apiserver answer 400).
        if (response.status === 400 && parseStatus(response.text) !== undefined) return "";
        throw this.session.error(request, response);
    }

    async close(): Promise<void> {
        this.session.close();
        return Promise.resolve();
    }

    private async listPages<T extends KubernetesObject>(
        path: ResourcePath,
        limit: string | undefined,
    ): Promise<readonly T[] | undefined | "expired"> {
        const objects: T[] = [];
        const asked = new Set<string>();
        let next: string | undefined;
        do {
            const query = { ...(limit && { limit }), ...(next && { continue: next }) };
            const request = this.request("GET", path, undefined, { repeatable: "always", query });
            const response = await this.session.send(request);
            if (response.status === 410 && parseStatus(response.text) !== undefined && next !== undefined)
                return "expired";
            if (isPathMissing(response) && !(await isServed(this.session, path))) return undefined;
            const page = this.session.object(request, response);
            // Not `push(...)`: without a limit a list has any length, and arguments are limited.
            for (const item of this.items<T>(request, path, page)) objects.push(item);
            next = textField(mappingField(page, "metadata") ?? {}, "continue");
            if (next !== undefined && (asked.has(next) || asked.size + 1 >= this.limits.pages))
                throw this.session.unknown(request, "the pages of the list have no end");
            if (next !== undefined) asked.add(next);
        } while (next !== undefined);
        return objects;
    }

    /** Items of built-in kinds have neither apiVersion nor kind. */
    private items<T extends KubernetesObject>(request: SessionRequest, path: ResourcePath, page: Fields): T[] {
        const kind = textField(page, "kind") ?? "";
        const { items } = page;
        if (
            !kind.endsWith("List") ||
            page["apiVersion"] !== path.apiVersion ||
            !(Array.isArray(items) || items === null)
        ) {
            throw this.session.unknown(request, `the response is no list of ${path.apiVersion}`);
        }
        const common = { apiVersion: path.apiVersion, kind: kind.slice(0, -"List".length) };
        return ((items ?? []) as unknown[]).map((item) => {
            const object = isFields(item) ? { ...common, ...item } : {};
            if (textField(mappingField(object, "metadata") ?? {}, "name") !== undefined) return object as unknown as T;
            throw this.session.unknown(request, "the list has an item without a name");
        });
    }

    private checkedObject<T extends KubernetesObject>(
        request: SessionRequest,
        { apiVersion }: ResourcePath,
        response: ApiResponse,
        name: string,
    ): T {
        const object = this.session.object(request, response);
        const metadata = mappingField(object, "metadata") ?? {};
        if (object["apiVersion"] === apiVersion && typeof object["kind"] === "string" && metadata["name"] === name) {
            return object as unknown as T;
        }
        throw this.session.unknown(request, `the response is not the object ${name} of ${apiVersion}`);
    }

    private async throwIfKindMissing(
        request: SessionRequest,
        path: ResourcePath,
        response: ApiResponse,
    ): Promise<void> {
        if (!isPathMissing(response) || (await isServed(this.session, path))) return;
        const { apiVersion, resource } = path;
        throw new ClusterError(`the API has no ${describeResource({ apiVersion, resource })} of ${apiVersion}`, {
            ...{ server: this.server, operation: request.operation, status: 404, code: "CLUSTER_KIND_MISSING" },
            fix: "check cluster.version: the kinds of mirror rules depend on it",
        });
    }

    private deletedMeanwhile({ operation }: SessionRequest): ClusterError {
        return new ClusterError("the object does not exist: it was deleted since it was read", {
            ...{ server: this.server, operation, status: 404, code: "CLUSTER_CONFLICT", fix: "run again" },
        });
    }

    private request(
        method: SessionRequest["method"],
        path: ResourcePath,
        name: string | undefined,
        options: RequestOptions,
    ): SessionRequest {
        const { query, body, repeatable, shown = name } = options;
        const url = resourcePath(path, name, query);
        return {
            method,
            path: url,
            operation: `${method} ${describeResource(path, shown)}`,
            repeatable,
            ...(body && { body }),
        };
    }
}

interface RequestOptions extends Pick<SessionRequest, "repeatable" | "body"> {
    readonly query?: Readonly<Record<string, string>>;
    /** Name in messages, where the path has none. */
    readonly shown?: string;
}
