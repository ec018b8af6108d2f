import type * as pulumi from "@pulumi/pulumi";
import { RegistryResource } from "../registry/registry-resource";
import { type RepositorySetArgs, repositorySetKind } from "./kind";

/** The repositories that an import needs, with the robot accounts' rights in them. */
export class RepositorySet extends RegistryResource {
    constructor(name: string, args: RepositorySetArgs, opts?: pulumi.CustomResourceOptions) {
        super(repositorySetKind, name, { ...args }, opts);
    }
}
