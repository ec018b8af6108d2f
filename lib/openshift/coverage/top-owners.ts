import type { KubernetesObject, ObjectMetadata } from "../../kubernetes/cluster-client";

/** An entry of `metadata.ownerReferences`. */
interface OwnerReference {
    readonly kind: string;
    readonly name: string;
    readonly uid: string;
    readonly controller?: boolean;
}

/** An object with its owners. */
export interface OwnedObject extends KubernetesObject {
    readonly metadata: ObjectMetadata & { readonly ownerReferences?: readonly OwnerReference[] };
}

/** Kinds that others are listed under: an Operator that owns a Deployment says nothing of its images. */
const OWNED_KINDS: readonly string[] = ["Pod", "ReplicaSet", "ReplicationController", "Job"];
/** Owners of an object and of its owners: no API server prevents a circle. */
const MAX_DEPTH = 10;

/** Finds what people have created, of which a controller made the objects that name images. */
export class TopOwners {
    private readonly byUid: ReadonlyMap<string, OwnedObject>;

    constructor(objects: readonly OwnedObject[]) {
        this.byUid = new Map(objects.flatMap((object) => (object.metadata.uid ? [[object.metadata.uid, object]] : [])));
    }

    /** `Deployment shop/web`; of a kind that was not read, as far as its reference says. */
    nameOf(object: OwnedObject, depth = 0): string {
        const { kind, metadata } = object;
        const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
        if (owner === undefined || depth >= MAX_DEPTH || !OWNED_KINDS.includes(kind)) {
            return objectName(kind, metadata.name, metadata.namespace);
        }
        const known = this.byUid.get(owner.uid);
        if (known !== undefined) return this.nameOf(known, depth + 1);
        // The mirror pod of a static pod: nodes are in no namespace, and the pod is what people look for.
        if (owner.kind === "Node") return objectName(kind, metadata.name, metadata.namespace);
        return objectName(owner.kind, owner.name, metadata.namespace);
    }
}

function objectName(kind: string, name: string, namespace: string | undefined): string {
    return `${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
}
