import type * as pulumi from "@pulumi/pulumi";
import { type AdminArgs, RegistryResource } from "../registry/registry-resource";

/** Proof that the registry answers over trusted TLS and takes the account. */
export class RegistryAccess extends RegistryResource {
    /** What the registry leaves open. */
    declare readonly notes: pulumi.Output<string[]>;
    /** What tells this stack's robot accounts from those of others; only where there are some. */
    declare readonly instance: pulumi.Output<string>;

    constructor(name: string, args: AdminArgs, opts: pulumi.CustomResourceOptions = {}) {
        super("registryAccess", name, args, ["notes", "instance", "version"], opts);
    }
}
