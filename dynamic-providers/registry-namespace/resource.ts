import type * as pulumi from "@pulumi/pulumi";
import { RegistryResource } from "../registry/registry-resource";
import { type RegistryNamespaceArgs, registryNamespaceKind } from "./kind";

/** The project or organization that all mirrored repositories are in. */
export class RegistryNamespace extends RegistryResource {
    constructor(name: string, args: RegistryNamespaceArgs, opts?: pulumi.CustomResourceOptions) {
        super(registryNamespaceKind, name, { ...args }, opts);
    }
}
