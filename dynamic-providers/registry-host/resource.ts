import type * as pulumi from "@pulumi/pulumi";
import type { RegistryAccounts } from "../../lib/openshift/deployed-registry";
import { RegistryResource } from "../registry/registry-resource";
import { type RegistryHostArgs, registryHostKind } from "./kind";

/** A plain registry on a host, of which clients have been answered with its accounts. */
export class RegistryHost extends RegistryResource {
    /** Secret. */
    declare readonly accounts: pulumi.Output<RegistryAccounts>;

    constructor(name: string, args: RegistryHostArgs, opts?: pulumi.CustomResourceOptions) {
        super(registryHostKind, name, { ...args }, opts);
    }
}
