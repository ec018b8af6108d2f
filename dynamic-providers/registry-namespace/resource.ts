import type * as pulumi from "@pulumi/pulumi";
import type { OnRemove } from "../../lib/mirror/on-remove";
import { type AdminArgs, RegistryResource } from "../registry/registry-resource";

export interface RegistryNamespaceArgs extends AdminArgs {
    /** `mirror` */
    readonly namespace: string;
    /** Bytes. */
    readonly quota?: number;
    /** May a namespace that is there already be taken over? */
    readonly adopt: boolean;
    readonly onRemove: OnRemove;
}

/** The project or organization that all mirrored repositories live in. */
export class RegistryNamespace extends RegistryResource {
    constructor(name: string, args: RegistryNamespaceArgs, opts: pulumi.CustomResourceOptions = {}) {
        super("registryNamespace", name, args, ["namespaceId", "adopted", "differences", "warnings", "appeared"], opts);
    }
}
