import type * as pulumi from "@pulumi/pulumi";
import type { RegistryAccounts } from "../../lib/openshift/deployed-registry";
import { RegistryResource } from "../registry/registry-resource";
import { type RegistryDeploymentArgs, registryDeploymentKind } from "./kind";

/** A plain registry in a cluster, of which clients have been answered with its accounts. */
export class RegistryDeployment extends RegistryResource {
    /** Secret. */
    declare readonly accounts: pulumi.Output<RegistryAccounts>;

    constructor(name: string, args: RegistryDeploymentArgs, opts?: pulumi.CustomResourceOptions) {
        super(registryDeploymentKind, name, { ...args }, opts);
    }
}
