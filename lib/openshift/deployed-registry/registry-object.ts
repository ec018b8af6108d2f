import type { NewObject, ResourcePath } from "../../kubernetes/cluster-client";
import { OWNER_ANNOTATION } from "../objects/owner";
import type { DeployedRegistry } from "./deployment";

/** An object of the registry, and where the API has it. */
export interface RegistryObject {
    readonly path: ResourcePath;
    readonly object: NewObject;
    /** True for the volume with the content, and for what it would go with. */
    readonly holdsContent: boolean;
}

/** An object in the registry's namespace. */
export function namespaced(
    { namespace: place, owner }: Pick<DeployedRegistry, "namespace" | "owner">,
    { apiVersion, resource }: Pick<ResourcePath, "apiVersion" | "resource">,
    kind: string,
    name: string,
    fields: object,
): RegistryObject {
    const metadata = { name, namespace: place, annotations: { [OWNER_ANNOTATION]: owner } };
    return {
        path: { apiVersion, resource, namespace: place },
        object: { apiVersion, kind, metadata, ...fields },
        holdsContent: false,
    };
}
