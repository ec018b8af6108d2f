import { isDeepStrictEqual } from "node:util";
import { PassthroughError, toProblem } from "../../errors/errors";
import type { ClusterClient, KubernetesObject } from "../../kubernetes/cluster-client";
import { isOwnObject, objectOwner } from "../objects/owner";
import { type WriteOptions, retryConflicts } from "../trust/conflict-retry";
import { quantityBytes } from "./quantity";
import type { RegistryObject } from "./registry-object";

type Live = KubernetesObject & {
    readonly spec?: { readonly resources?: { readonly requests?: { readonly storage?: string } } };
};

/**
 * That no object is somebody else's, and that the API has every kind: asked before anything is written. A namespace may be
 * anybody's: it is used as it is then.
 * @throws PassthroughError `CLUSTER_OBJECT_EXISTS` that names all of them
 */
export async function requireOwnObjects(
    client: ClusterClient,
    objects: readonly RegistryObject[],
    owner: string,
): Promise<void> {
    const foreign: string[] = [];
    for (const { path, object } of objects) {
        const live = await client.get<Live>(path, object.metadata.name);
        if (live === undefined || object.kind === "Namespace" || isOwnObject(live, { owner })) continue;
        const of = objectOwner(live);
        foreign.push(`${label(object)} (${of === undefined ? "not of this program" : `of the stack ${of}`})`);
    }
    if (foreign.length === 0) return;
    throw new PassthroughError(`these objects exist, and are not of this stack: ${foreign.join(", ")}`, {
        code: "CLUSTER_OBJECT_EXISTS",
        place: { cluster: client.server },
        fix:
            "choose another site.registry.deploy.cluster.namespace, or remove them; of a stack that got another name, give them " +
            `its owner: oc annotate --overwrite … registry-passthrough/stack=${owner}`,
    });
}

/**
 * Creates what is missing and changes what is different, in this order. The volume only grows.
 * @param objects checked by `requireOwnObjects`
 */
export async function applyObjects(
    client: ClusterClient,
    objects: readonly RegistryObject[],
    owner: string,
    options: WriteOptions,
): Promise<void> {
    for (const wanted of objects) await retryConflicts(options, () => applyObject(client, wanted, owner));
}

async function applyObject(client: ClusterClient, wanted: RegistryObject, owner: string): Promise<void> {
    const { path, object } = wanted;
    const live = await client.get<Live>(path, object.metadata.name);
    if (live === undefined) {
        await client.create(path, object);
        return;
    }
    if (!isOwnObject(live, { owner }) || difference(wanted, live) === undefined) return;
    const resourceVersion = live.metadata.resourceVersion ?? "";
    const { metadata, apiVersion: _, kind: __, ...fields } = object;
    const changes =
        object.kind === "PersistentVolumeClaim" ? { spec: { resources: specOf(object).resources } } : fields;
    await client.patch(path, metadata.name, { metadata: { ...metadata, resourceVersion }, ...changes });
}

/** What differs from what is wanted, a text for each object; empty: nothing. */
export async function compareObjects(
    client: ClusterClient,
    objects: readonly RegistryObject[],
    owner: string,
): Promise<string[]> {
    const found: string[] = [];
    for (const wanted of objects) {
        const live = await client.get<Live>(wanted.path, wanted.object.metadata.name);
        const text =
            live === undefined ? "it does not exist" : isForeign(live, owner) ? undefined : difference(wanted, live);
        if (text !== undefined) found.push(`${label(wanted.object)}: ${text}`);
    }
    return found;
}

/** A namespace of somebody else, which is used as it is. */
function isForeign(live: Live, owner: string): boolean {
    return live.kind === "Namespace" && !isOwnObject(live, { owner });
}

/**
 * Removes the objects that belong to this owner, the last one first.
 * @param removesContent also the volume, and the namespace that was created for it
 */
export async function removeObjects(
    client: ClusterClient,
    objects: readonly RegistryObject[],
    owner: string,
    { removesContent, ...options }: WriteOptions & { readonly removesContent: boolean },
): Promise<void> {
    for (const { path, object, holdsContent } of [...objects].reverse()) {
        if (holdsContent && !removesContent) continue;
        await retryConflicts(options, async () => {
            const live = await client.get<Live>(path, object.metadata.name).catch(ofServedKind);
            if (live === undefined || !isOwnObject(live, { owner })) return;
            await client.remove(path, object.metadata.name, live.metadata.resourceVersion ?? "");
        });
    }
}

/** An object of a kind that the API does not have any more does not exist. */
function ofServedKind(error: unknown): undefined {
    if (toProblem(error).code !== "CLUSTER_KIND_MISSING") throw error;
}

function label({ kind, metadata: { name } }: RegistryObject["object"]): string {
    return `${kind} ${name}`;
}

type Spec = NonNullable<Live["spec"]>;

function specOf(object: object): Spec {
    return (Reflect.get(object, "spec") ?? {}) as Spec;
}

/** Names the part that differs; never a value, which may be secret. */
function difference({ object }: RegistryObject, live: Live): string | undefined {
    if (object.kind === "PersistentVolumeClaim") {
        const bytes = (claim: object) => quantityBytes(specOf(claim).resources?.requests?.storage ?? "") ?? 0;
        return bytes(live) < bytes(object) ? "its size" : undefined;
    }
    const parts = Object.keys(object).filter((name) => !covers(Reflect.get(live, name), Reflect.get(object, name)));
    return parts.length === 0 ? undefined : `its ${parts.join(" and ")}`;
}

/** True if a value of the API has all of the wanted one; it adds defaults of its own. */
function covers(live: unknown, wanted: unknown): boolean {
    if (Array.isArray(wanted)) {
        if (!Array.isArray(live) || live.length !== wanted.length) return false;
        return wanted.every((item, index) => covers(live[index], item));
    }
    if (typeof wanted !== "object" || wanted === null) return isDeepStrictEqual(live, wanted);
    if (typeof live !== "object" || live === null) return false;
    return Object.entries(wanted).every(([name, value]) => covers(Reflect.get(live, name), value));
}
