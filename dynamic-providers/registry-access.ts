import type * as pulumi from "@pulumi/pulumi";
import { type RegistryArgs, RegistryResource } from "./registry-resource";

/** Proof that the registry answers over trusted TLS and takes the account. */
export class RegistryAccess extends RegistryResource {
    /** What the registry leaves open. */
    declare readonly notes: pulumi.Output<string[]>;

    constructor(name: string, args: RegistryArgs, opts: pulumi.CustomResourceOptions = {}) {
        super("registryAccess", name, args, ["notes"], opts);
    }
}
