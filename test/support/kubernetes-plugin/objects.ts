import { setTimeout as wait } from "node:timers/promises";
import { ApiError, NoKindError } from "./api-error";
import { APPLY, type ApiRequest, type Cluster, JSON_PATCH, type KindPath } from "./cluster";
import { takenOver } from "./field-managers";
import { type PlainMap, isList } from "./properties";
import { annotation, metadata, objectName, objectNamespace } from "./state";
import type { ResourceType } from "./support";

/** How an object is written. */
export interface WriteOptions {
    readonly type: ResourceType;
    readonly fieldManager: string;
    readonly isPreview: boolean;
    /** Of the provider: `enablePatchForce`. */
    readonly forcesPatches: boolean;
}

/** The official plugin gives the field manager of its creations this name, without random part (await.go, Creation). */
const CREATOR = "pulumi-kubernetes";
/** A kind or namespace may come to exist a moment later. The official plugin waits 31 s in all, this one 1.5 s. */
const RETRY_DELAYS_MS = [500, 1000];
const POLL_MS = 100;
/** Unless the resource has a timeout of its own. The official plugin waits 10 minutes. */
const DELETION_TIMEOUT_MS = 10_000;
/** For the right to list and watch. The official plugin waits until it is cancelled. */
const BLIND_WAIT_MS = 60_000;
const CONFLICT_HELP =
    "https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/managing-resources-with-server-side-apply/#handle-field-conflicts-on-existing-resources";

/** The deletion was accepted, but its end could not be seen. */
export class UnfinishedDeletion extends Error {}

/** Objects of one cluster, written as the official plugin does (pkg/await/await.go). */
export class Objects {
    /** @param signal ends the wait for a deletion */
    constructor(
        private readonly cluster: Cluster,
        private readonly signal: AbortSignal,
    ) {}

    /** @throws ApiError */
    async read(type: ResourceType, namespace: string | undefined, name: string): Promise<PlainMap> {
        const kind = await this.cluster.requireKind(type.apiVersion, type.kind);
        return this.cluster.send({ method: "GET", path: `${kind.path(namespace)}/${name}` });
    }

    /** @param upserts an existing object is applied to instead of refused; patches always do */
    async create(inputs: PlainMap, options: WriteOptions, upserts: boolean): Promise<PlainMap> {
        const attempt = async () => {
            const kind = await this.cluster.requireKind(options.type.apiVersion, options.type.kind);
            if (upserts || options.type.isPatch) return this.apply(kind, inputs, undefined, options);
            const query = { fieldManager: CREATOR, ...strict, ...dryRun(options) };
            const path = kind.path(objectNamespace(inputs));
            return this.cluster.send({ method: "POST", path, query, body: inputs });
        };
        for (const delay of options.isPreview ? [] : RETRY_DELAYS_MS) {
            try {
                return await attempt();
            } catch (error) {
                if (!isMissing(error)) throw error;
                await wait(delay);
            }
        }
        return attempt();
    }

    /** @param lastName of the object as it was last written */
    async update(inputs: PlainMap, lastName: string, options: WriteOptions): Promise<PlainMap> {
        const kind = await this.cluster.requireKind(options.type.apiVersion, options.type.kind);
        const path = `${kind.path(objectNamespace(inputs))}/${lastName}`;
        const live = await this.cluster.send({ method: "GET", path });
        const owned = options.isPreview || options.type.isPatch ? live : await this.takeOver(path, live, options);
        return this.apply(kind, inputs, owned, options);
    }

    /** What the creation owns under another name becomes the field manager's (await.go, fixCSAFieldManagers). */
    private async takeOver(path: string, live: PlainMap, options: WriteOptions): Promise<PlainMap> {
        const managedFields = takenOver(live, options.fieldManager);
        if (managedFields === undefined) return live;
        const body = [
            { op: "replace", path: "/metadata/managedFields", value: managedFields },
            { op: "replace", path: "/metadata/resourceVersion", value: metadata(live).resourceVersion },
        ];
        return this.cluster.send({ method: "PATCH", path, body, contentType: JSON_PATCH });
    }

    private async apply(kind: KindPath, inputs: PlainMap, live: PlainMap | undefined, options: WriteOptions) {
        const path = `${kind.path(objectNamespace(inputs))}/${objectName(inputs)}`;
        const force = String(isForced(inputs, live, options));
        const query = { fieldManager: options.fieldManager, force, ...strict, ...dryRun(options) };
        const request: ApiRequest = { method: "PATCH", path, query, body: inputs, contentType: APPLY };
        try {
            return await this.cluster.send(request);
        } catch (error) {
            if (!(error instanceof ApiError) || !error.isConflict) throw error;
            throw new Error(
                `server-side apply field conflict detected, see ${CONFLICT_HELP} for troubleshooting help\n` +
                    `The resource managed by field manager "${options.fieldManager}" had an apply conflict: ${error.message}`,
                { cause: error },
            );
        }
    }

    /** Gives up every field of one field manager; the API removes those that nobody else owns (ssa/actions.go). */
    async relinquish(type: ResourceType, object: PlainMap, fieldManager: string): Promise<void> {
        const kind = await this.cluster.requireKind(type.apiVersion, type.kind);
        const [namespace, name] = [objectNamespace(object), objectName(object)];
        const identity = { name, ...(namespace === undefined ? {} : { namespace }) };
        const body = { apiVersion: type.apiVersion, kind: type.kind, metadata: identity };
        const path = `${kind.path(namespace)}/${name}`;
        await this.cluster.send({ method: "PATCH", path, query: { fieldManager }, body, contentType: APPLY });
    }

    /**
     * Deletes an object and waits until it is gone. The official plugin sees that in a watch of all objects of the kind:
     * without the right to list and to watch it never does, and no timeout ends that (await/informers, Subscribe).
     *
     * @throws UnfinishedDeletion
     */
    async remove(type: ResourceType, namespace: string | undefined, name: string, limitMs = DELETION_TIMEOUT_MS) {
        const kind = await this.cluster.requireKind(type.apiVersion, type.kind);
        const path = kind.path(namespace);
        const body = { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy: "Foreground" };
        try {
            await this.cluster.send({ method: "DELETE", path: `${path}/${name}`, body });
        } catch (error) {
            if (error instanceof ApiError && error.isNotFound) return;
            throw error;
        }
        const refused = `the account may not list and watch ${path}, and the official plugin waits until it is cancelled`;
        await this.waitFor(() => this.canWatch(path), BLIND_WAIT_MS, refused);
        const timedOut = "timed out waiting for the condition";
        await this.waitFor(() => this.isGone(`${path}/${name}`), limitMs, timedOut);
        // After a cancellation it may still exist.
        if (!(await this.isGone(`${path}/${name}`))) throw new UnfinishedDeletion(timedOut);
    }

    private async waitFor(condition: () => Promise<boolean>, limitMs: number, failure: string): Promise<void> {
        const end = Date.now() + limitMs;
        while (!(await condition()) && !this.signal.aborted) {
            if (Date.now() > end) throw new UnfinishedDeletion(failure);
            await wait(POLL_MS);
        }
    }

    private async canWatch(path: string): Promise<boolean> {
        return (await this.isAllowed(path, {})) && (await this.isAllowed(path, { watch: "true" }));
    }

    private async isGone(path: string): Promise<boolean> {
        try {
            await this.cluster.send({ method: "GET", path });
            return false;
        } catch (error) {
            if (error instanceof ApiError && error.isNotFound) return true;
            throw error;
        }
    }

    private async isAllowed(path: string, query: Record<string, string>): Promise<boolean> {
        try {
            await this.cluster.send({ method: "GET", path, query: { ...query, limit: "1" }, statusOnly: true });
            return true;
        } catch (error) {
            if (error instanceof ApiError && error.isForbidden) return false;
            throw error;
        }
    }
}

/** Stricter than the official plugin, with which the API server drops unknown fields silently. */
const strict = { fieldValidation: "Strict" };

function dryRun({ isPreview }: WriteOptions): Record<string, string> {
    return isPreview ? { dryRun: "All" } : {};
}

function isMissing(error: unknown): boolean {
    return error instanceof NoKindError || (error instanceof ApiError && error.isNotFound);
}

/** await.go, patchForce. */
function isForced(inputs: PlainMap, live: PlainMap | undefined, options: WriteOptions): boolean {
    if (annotation(inputs, "pulumi.com/patchForce") === "true" || options.forcesPatches) return true;
    if (live === undefined) return options.isPreview;
    const { managedFields } = metadata(live);
    if (!isList(managedFields) || managedFields.length === 0) return true;
    // The field managers change hands before a real update only.
    return options.isPreview && takenOver(live, options.fieldManager) !== undefined;
}
