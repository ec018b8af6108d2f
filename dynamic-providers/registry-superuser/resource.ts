import type * as pulumi from "@pulumi/pulumi";
import { RegistryResource } from "../registry/registry-resource";
import { type RegistrySuperuserArgs, registrySuperuserKind } from "./kind";

/** The superuser's name that a fresh installation leaves free, registered before anyone else does. */
export class RegistrySuperuser extends RegistryResource {
    constructor(name: string, args: RegistrySuperuserArgs, opts?: pulumi.CustomResourceOptions) {
        super(registrySuperuserKind, name, { ...args }, opts);
    }
}
