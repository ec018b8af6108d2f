import type { ErrorCode } from "../../lib/errors/codes";
import { ClusterError } from "../../lib/kubernetes/cluster-error";
import type {
    ClusterClient,
    ConditionalPatch,
    KubernetesObject,
    NewObject,
    ResourcePath,
} from "../../lib/kubernetes/cluster-client";

type Json = Record<string, unknown>;

/** One call of a client: `patch secrets/pull-secret`. */
type Call = `${"get" | "list" | "create" | "patch" | "remove"} ${string}`;

/**
 * The API of a cluster in memory, with its rules for resource versions. Only for what a real API server cannot be made to
 * do, and for tests of functions that ask for a `ClusterClient`.
 */
export class MemoryCluster implements ClusterClient {
    readonly server = "https://api.test:6443";
    /** What was called, in order. */
    readonly calls: Call[] = [];
    /** Called before each call: may change objects, or throw. */
    beforeCall: (call: Call) => void = () => undefined;
    private readonly objects = new Map<string, KubernetesObject>();
    private version = 0;

    /** Puts an object in place, whatever is there; counts up its resource version. */
    put<T extends KubernetesObject>(path: ResourcePath, object: Omit<T, "apiVersion" | "kind">): T {
        const stored = { apiVersion: path.apiVersion, kind: path.resource, ...object } as unknown as T;
        return this.store(path, stored);
    }

    /** Kinds that exist are those that ever had an object. */
    async get<T extends KubernetesObject>(path: ResourcePath, name: string): Promise<T | undefined> {
        this.called(`get ${path.resource}/${name}`);
        if (!this.hasKind(path)) throw problem("CLUSTER_KIND_MISSING", `${path.resource}: no such kind`);
        return copy(this.objects.get(key(path, name)) as T | undefined);
    }

    async list<T extends KubernetesObject>(path: ResourcePath): Promise<readonly T[] | undefined> {
        this.called(`list ${path.resource}`);
        if (!this.hasKind(path)) return undefined;
        const prefix = key(path, "");
        const found = [...this.objects].filter(([id]) => id.startsWith(prefix)).map(([, object]) => object as T);
        return copy(found);
    }

    async create<T extends KubernetesObject>(path: ResourcePath, object: NewObject): Promise<T> {
        this.called(`create ${path.resource}/${object.metadata.name}`);
        if (this.objects.has(key(path, object.metadata.name))) throw problem("CLUSTER_OBJECT_EXISTS", "exists");
        return copy(this.store(path, copy(object) as unknown as T));
    }

    async patch<T extends KubernetesObject>(path: ResourcePath, name: string, patch: ConditionalPatch): Promise<T> {
        this.called(`patch ${path.resource}/${name}`);
        const current = this.objects.get(key(path, name));
        if (current === undefined) throw problem("CLUSTER_CONFLICT", `${path.resource}/${name} does not exist`);
        if (current.metadata.resourceVersion !== patch.metadata.resourceVersion) {
            throw problem("CLUSTER_CONFLICT", `${path.resource}/${name} has changed`);
        }
        return copy(this.store(path, mergePatch(current as unknown as Json, patch) as unknown as T));
    }

    async remove(path: ResourcePath, name: string, resourceVersion: string): Promise<void> {
        this.called(`remove ${path.resource}/${name}`);
        const current = this.objects.get(key(path, name));
        if (current === undefined) return;
        if (current.metadata.resourceVersion !== resourceVersion) throw problem("CLUSTER_CONFLICT", "has changed");
        this.objects.delete(key(path, name));
    }

    podLog(): Promise<undefined> {
        return Promise.reject(new Error("pods of this cluster have no logs"));
    }

    async close(): Promise<void> {
        // Nothing is open.
    }

    /** What is stored, without counting as a call. */
    peek<T extends KubernetesObject>(path: ResourcePath, name: string): T | undefined {
        return copy(this.objects.get(key(path, name)) as T | undefined);
    }

    /** Deletes an object, as somebody else would. */
    drop(path: ResourcePath, name: string): void {
        this.objects.delete(key(path, name));
    }

    private called(call: Call): void {
        this.calls.push(call);
        this.beforeCall(call);
    }

    private hasKind(path: ResourcePath): boolean {
        const isCore = path.apiVersion === "v1" || path.apiVersion === "apps/v1";
        const prefix = `${path.apiVersion}/${path.resource}/`;
        return isCore || [...this.objects.keys()].some((id) => id.startsWith(prefix));
    }

    private store<T extends KubernetesObject>(path: ResourcePath, object: T): T {
        const metadata = { ...object.metadata, resourceVersion: String(++this.version) };
        const stored = { ...object, metadata };
        this.objects.set(key(path, metadata.name), stored);
        return stored;
    }
}

function key({ apiVersion, resource, namespace = "" }: ResourcePath, name: string): string {
    return `${apiVersion}/${resource}/${namespace}/${name}`;
}

function copy<T>(value: T): T {
    return value === undefined ? value : structuredClone(value);
}

function problem(code: ErrorCode, text: string): ClusterError {
    return new ClusterError(text, { code, server: "https://api.test:6443" });
}

/** RFC 7386. */
function mergePatch(target: unknown, patch: unknown): unknown {
    if (!isObject(patch)) return patch;
    const before: Json = isObject(target) ? target : {};
    const kept = Object.entries(before).filter(([name]) => patch[name] === undefined);
    const set = Object.entries(patch).filter(([, value]) => value !== null);
    return Object.fromEntries([
        ...kept,
        ...set.map(([name, value]) => [name, mergePatch(before[name], value)] as const),
    ]);
}

function isObject(value: unknown): value is Json {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}
