import type * as pulumi from "@pulumi/pulumi";
import { registryConnection } from "../../lib/site";
import { DynamicResource } from "../lifecycle/dynamic-resource";
import type { ResourceKind } from "../lifecycle/resource-kind";
import type { RegistryConnectionArgs } from "./registry-kind";

const CONNECTION = Object.keys(registryConnection.shape);

/** A dynamic resource at a registry. */
export abstract class RegistryResource extends DynamicResource {
    protected constructor(
        kind: ResourceKind,
        name: string,
        args: pulumi.Inputs & { readonly registry: RegistryConnectionArgs },
        opts?: pulumi.CustomResourceOptions,
    ) {
        // A site's registry has more than what state stores.
        const registry = Object.entries(args.registry).filter(([property]) => CONNECTION.includes(property));
        super(kind, name, { ...args, registry: Object.fromEntries(registry) }, opts);
    }
}
