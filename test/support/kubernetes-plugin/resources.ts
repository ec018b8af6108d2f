import { PropertyDiff } from "@pulumi/pulumi/proto/provider_pb";
import { ApiError, NoKindError } from "./api-error";
import { type Change, findChanges, formatPath, pruned, replacingKind } from "./changes";
import type { Cluster } from "./cluster";
import { Objects, UnfinishedDeletion, type WriteOptions } from "./objects";
import { type PlainMap, type PropertyMap, hasUnknown, isPlainMap, markSecrets, withoutSecrets } from "./properties";
import type { Settings } from "./settings";
import {
    type ObjectState,
    chooseFieldManager,
    metadata,
    objectId,
    objectName,
    objectNamespace,
    readState,
    withNamespace,
    withoutReadOnly,
    writeState,
} from "./state";
import { type ResourceType, readType, requireSupported, timeoutMs } from "./support";

/** A cluster, or why there is none: objects can then be previewed, not written. */
export type Access = { readonly cluster: Cluster } | { readonly cluster: undefined; readonly reason: string };

export interface Diff {
    readonly changes: ReadonlyMap<string, PropertyDiff>;
    readonly replacing: readonly string[];
    readonly deletesFirst: boolean;
}

export interface Saved {
    /** Empty in a preview, and for an object that does not exist. */
    readonly id: string;
    readonly properties: PropertyMap;
    readonly inputs?: PropertyMap;
}

/** The operation failed, but the object exists: its state is kept, and the next run repeats the operation. */
export class PartialFailure extends Error {
    constructor(
        message: string,
        readonly saved: Saved,
    ) {
        super(message);
    }
}

/** What the engine gives to operations. */
export interface Host {
    /** Prints a line on a resource's row. */
    readonly warn: (urn: string, text: string) => void;
    /** Aborted when the engine cancels. */
    readonly signal: AbortSignal;
}

const UNREACHABLE = "configured Kubernetes cluster is unreachable";
const REMOVE_FROM_STATE =
    'running the operation with the PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"';

/** One operation of the engine on one resource each (pkg/provider/provider.go). */
export class Resources {
    private readonly objects: Objects | undefined;

    constructor(
        private readonly settings: Settings,
        private readonly access: Access,
        private readonly host: Host,
    ) {
        this.objects = access.cluster === undefined ? undefined : new Objects(access.cluster, host.signal);
    }

    /** The inputs as they are stored: with a namespace, without fields that only the API writes. */
    async check(urn: string, news: PropertyMap): Promise<PropertyMap> {
        const inputs = withoutReadOnly(withoutSecrets(news));
        const type = readType(urn, inputs);
        requireSupported(type, inputs);
        const namespace = this.access.cluster?.namespace ?? "default";
        const isMissing = objectNamespace(inputs) === undefined && !hasUnknown(metadata(inputs).namespace ?? null);
        const complete = isMissing && (await this.isNamespaced(type)) ? withNamespace(inputs, namespace) : inputs;
        return markSecrets(complete, news);
    }

    /** A kind that the API does not know counts as one with namespaces (clients.go, IsNamespacedKind). */
    private async isNamespaced({ apiVersion, kind }: ResourceType): Promise<boolean> {
        if (apiVersion === "v1" || this.access.cluster === undefined) return true;
        return (await this.access.cluster.findKind(apiVersion, kind))?.isNamespaced ?? true;
    }

    /** Between the object as it was last seen, as far as inputs described it, and today's inputs. */
    async diff(urn: string, olds: PropertyMap, news: PropertyMap): Promise<Diff> {
        const inputs = withoutReadOnly(withoutSecrets(news));
        const type = readType(urn, inputs);
        const old = readState(olds);
        const isNamespaced = await this.isNamespaced(type);
        const place = (object: PlainMap) =>
            withNamespace(object, isNamespaced ? (objectNamespace(object) ?? "default") : undefined);
        const before = place(pruned(old.live, withoutReadOnly(old.inputs)));
        const after = place(inputs);
        const changes = findChanges(
            { ...before, metadata: { ...metadata(before), name: objectName(old.live) } },
            after,
        );
        const isReplacing = ({ path, kind }: Change) =>
            this.replaces(type, after, path) || (kind === PropertyDiff.Kind.DELETE && formatPath(path) === "metadata");
        const replacing = changes.filter(isReplacing).map(({ path }) => formatPath(path));
        const keepsIdentity = objectId(after) === objectId(place(old.live));
        const described = changes.map(
            (change) => [formatPath(change.path), this.describe(change, type, after)] as const,
        );
        return { changes: new Map(described), replacing, deletesFirst: replacing.length > 0 && keepsIdentity };
    }

    private describe({ path, kind }: Change, type: ResourceType, inputs: PlainMap): PropertyDiff {
        const diff = new PropertyDiff();
        diff.setKind(this.replaces(type, inputs, path) ? replacingKind(kind) : kind);
        diff.setInputdiff(kind === PropertyDiff.Kind.DELETE);
        return diff;
    }

    /** diff.go: the identity of any object, and the content of a ConfigMap that is not mutable. */
    private replaces(type: ResourceType, inputs: PlainMap, [first, second]: Change["path"]): boolean {
        if (first === "metadata" && (second === "name" || second === "namespace")) return true;
        const isFixed = !this.settings.mutableConfigMaps || inputs.immutable === true;
        const isContent = first === "data" || first === "binaryData";
        return isContent && !type.isPatch && type.apiVersion === "v1" && type.kind === "ConfigMap" && isFixed;
    }

    async create(urn: string, news: PropertyMap, isPreview: boolean): Promise<Saved> {
        const inputs = withoutSecrets(news);
        const type = readType(urn, inputs);
        const foreseen = { id: "", properties: news };
        if (isPreview && (type.isPatch || !(await this.canDryRun(type, inputs)))) return foreseen;
        const objects = this.reach();
        const fieldManager = chooseFieldManager(inputs, undefined);
        const options = this.writeOptions(type, fieldManager, isPreview);
        try {
            const live = await objects.create(inputs, options, this.settings.upsertsExisting);
            return saved(inputs, live, news, fieldManager, isPreview);
        } catch (error) {
            // Why a dry run was refused is not reported.
            if (isPreview && error instanceof ApiError) {
                if (error.isForbidden || error.alreadyExists || error.isNotFound) return foreseen;
            }
            throw new Error(creationText(urn, type, error), { cause: error });
        }
    }

    /** A dry run needs every value, a cluster, and the kind; without them a preview shows the inputs, without a word. */
    private async canDryRun({ apiVersion, kind }: ResourceType, inputs: PlainMap): Promise<boolean> {
        if (hasUnknown(inputs) || this.access.cluster === undefined) return false;
        return (await this.access.cluster.findKind(apiVersion, kind)) !== undefined;
    }

    async update(urn: string, olds: PropertyMap, news: PropertyMap, isPreview: boolean): Promise<Saved> {
        const inputs = withoutReadOnly(withoutSecrets(news));
        const type = readType(urn, inputs);
        if (isPreview && !(await this.canDryRun(type, inputs))) return { id: "", properties: news };
        const objects = this.reach();
        const old = readState(olds);
        const before = chooseFieldManager(old.inputs, old.fieldManager);
        const fieldManager = chooseFieldManager(inputs, old.fieldManager);
        const options = this.writeOptions(type, fieldManager, isPreview);
        const first = firstVersion(old);
        try {
            const live = await objects.update(inputs, objectName(old.live), options);
            if (!isPreview && before !== fieldManager) await objects.relinquish(type, live, before);
            return saved(inputs, live, news, fieldManager, isPreview, first);
        } catch (error) {
            if (isPreview && error instanceof ApiError && error.isForbidden) return { id: "", properties: news };
            const live = await objects
                .read(type, objectNamespace(old.live), objectName(old.live))
                .catch((unreadable: unknown) => {
                    const reason = `unable to get cluster state: ${text(unreadable)}`;
                    throw new Error(`update of resource "${urn}" failed: ${text(error)}\n${reason}`, { cause: error });
                });
            const kept = saved(inputs, live, news, fieldManager, false, first);
            const reason = `the Kubernetes API server reported that "${kept.id}" failed to fully initialize or become live`;
            throw new PartialFailure(`${reason}: ${text(error)}`, kept);
        }
    }

    /** @returns an empty ID for an object, or a kind, that no longer exists */
    async read(urn: string, id: string, properties: PropertyMap, oldInputs: PropertyMap): Promise<Saved> {
        if (this.objects === undefined) return this.readUnreachable(urn, { id, properties, inputs: oldInputs });
        const old = readState(properties);
        const inputs = withoutReadOnly(withoutSecrets(oldInputs));
        const type = readType(urn, isPlainMap(inputs.metadata) ? inputs : old.live);
        const [namespace, name = ""] = id.includes("/") ? id.split("/") : [undefined, id];
        try {
            const live = await this.objects.read(type, namespace, name);
            const seen = Object.keys(inputs).length > 0 ? pruned(live, inputs) : importedInputs(live);
            const manager = chooseFieldManager(inputs, old.fieldManager);
            const { properties: state } = saved(seen, live, oldInputs, manager, false, firstVersion(old));
            return { id, properties: state, inputs: markSecrets(seen, oldInputs) };
        } catch (error) {
            const isGone = error instanceof NoKindError || (error instanceof ApiError && error.isNotFound);
            if (isGone) return { id: "", properties: {} };
            throw error;
        }
    }

    private readUnreachable(urn: string, unread: Saved): Saved {
        this.host.warn(urn, `${UNREACHABLE}: ${this.reason}`);
        if (this.settings.deletesUnreachable) return { id: "", properties: {} };
        if (this.settings.skipsUnreachable) return unread;
        throw new Error(
            `failed to read resource state due to unreachable cluster. If the cluster was deleted, you can remove this resource from Pulumi state by re${REMOVE_FROM_STATE}`,
        );
    }

    async remove(urn: string, id: string, properties: PropertyMap, customSeconds: number): Promise<void> {
        if (this.objects === undefined) {
            this.host.warn(urn, `${UNREACHABLE}: ${this.reason}`);
            if (this.settings.deletesUnreachable) return;
            throw new Error(
                `${UNREACHABLE}. If the cluster was deleted, you can remove this resource from Pulumi state by re${REMOVE_FROM_STATE}`,
            );
        }
        const old = readState(properties);
        const type = readType(urn, old.inputs);
        const manager = chooseFieldManager(old.inputs, old.fieldManager);
        try {
            if (type.isPatch) await this.objects.relinquish(type, old.live, manager);
            else {
                const name = id.split("/").at(-1) ?? "";
                const limit = timeoutMs(customSeconds, old.inputs);
                await this.objects.remove(type, objectNamespace(old.live), name, limit);
            }
        } catch (error) {
            if (error instanceof NoKindError) return;
            if (error instanceof UnfinishedDeletion) {
                throw new PartialFailure(error.message, { id, properties });
            }
            throw type.isPatch ? requiredFieldError(error) : error;
        }
    }

    private get reason(): string {
        return this.access.cluster === undefined ? this.access.reason : "";
    }

    private reach(): Objects {
        if (this.objects === undefined) throw new Error(`${UNREACHABLE}: ${this.reason}`);
        return this.objects;
    }

    private writeOptions(type: ResourceType, fieldManager: string, isPreview: boolean): WriteOptions {
        return { type, fieldManager, isPreview, forcesPatches: this.settings.forcesPatches };
    }
}

function saved(
    inputs: PlainMap,
    live: PlainMap,
    news: PropertyMap,
    fieldManager: string,
    isPreview: boolean,
    initialApiVersion = String(inputs.apiVersion),
): Saved {
    const { status: _, ...withoutStatus } = live;
    const seen = isPreview ? withoutStatus : live;
    const properties = writeState(inputs, seen, news, fieldManager, initialApiVersion);
    return { id: isPreview ? "" : objectId(live), properties };
}

function firstVersion({ initialApiVersion, inputs }: ObjectState): string {
    return initialApiVersion ?? String(inputs.apiVersion);
}

/** Of an object that is imported or looked up by its ID: the schema of the plugin names no field of custom resources. */
function importedInputs(live: PlainMap): PlainMap {
    const { apiVersion, kind, data, binaryData, immutable, metadata: all } = withoutReadOnly(live);
    const isConfigMap = apiVersion === "v1" && kind === "ConfigMap";
    const fields = isConfigMap ? { data, binaryData, immutable, metadata: all } : { metadata: identity(live) };
    const present = Object.entries({ apiVersion, kind, ...fields }).filter(([, value]) => value !== undefined);
    return Object.fromEntries(present) as PlainMap;
}

function identity(object: PlainMap): PlainMap {
    const namespace = objectNamespace(object);
    return { name: objectName(object), ...(namespace === undefined ? {} : { namespace }) };
}

function text(error: unknown): string {
    return error instanceof Error ? error.message : String(error);
}

function creationText(urn: string, type: ResourceType, error: unknown): string {
    if (error instanceof NoKindError) {
        return (
            `creation of resource "${urn}" with kind ${type.apiVersion}/${type.kind} failed because the Kubernetes API server ` +
            `reported that the apiVersion for this resource does not exist. Verify that any required CRDs have been created: ${error.message}`
        );
    }
    const advice =
        error instanceof ApiError && error.alreadyExists ? "\n\nThe resource already exists in the cluster." : "";
    return `resource "${urn}" was not successfully created by the Kubernetes API server: ${text(error)}${advice}`;
}

/** A field that an object must have goes with its only owner: the API refuses (provider.go, Delete). */
function requiredFieldError(error: unknown): unknown {
    const field = error instanceof ApiError ? error.requiredField : undefined;
    if (field === undefined) return error;
    return new Error(
        "this Patch resource is currently managing a required field, so it can't be deleted directly. Either set the " +
            `\`retainOnDelete\` resource option, or transfer ownership of the field before deleting: ${field}`,
        { cause: error },
    );
}
