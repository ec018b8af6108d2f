import type * as pulumi from "@pulumi/pulumi";
import { type AdminArgs, RegistryResource } from "../registry/registry-resource";

export interface RegistrySuperuserArgs extends AdminArgs {
    /** Secret. */
    readonly superuserPassword: pulumi.Output<string>;
}

/** The superuser's name that a fresh installation leaves free, taken before anybody else does. */
export class RegistrySuperuser extends RegistryResource {
    constructor(name: string, args: RegistrySuperuserArgs, opts: pulumi.CustomResourceOptions = {}) {
        super("registrySuperuser", name, args, [], opts, ["superuserPassword"]);
    }
}
