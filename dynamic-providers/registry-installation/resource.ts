import type * as pulumi from "@pulumi/pulumi";
import type { Credentials } from "../../lib/http/credentials";
import { RegistryResource } from "../registry/registry-resource";
import { type RegistryInstallationArgs, registryInstallationKind } from "./kind";

/** A registry that its own installer has set up on a host, and whose administrator's account is this stack's. */
export class RegistryInstallation extends RegistryResource {
    /** Secret: the administrator's account. */
    declare readonly admin: pulumi.Output<Credentials>;

    constructor(name: string, args: RegistryInstallationArgs, opts?: pulumi.CustomResourceOptions) {
        super(registryInstallationKind, name, { ...args }, opts);
    }
}
