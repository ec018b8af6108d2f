import type * as pulumi from "@pulumi/pulumi";
import { RegistryResource } from "../registry/registry-resource";
import { type RegistryAccessArgs, registryAccessKind } from "./kind";

/** Proof that the registry answers over trusted TLS and accepts the account. */
export class RegistryAccess extends RegistryResource {
    /** What the registry leaves open. */
    declare readonly notes: pulumi.Output<string[]>;
    /** Distinguishes the robot accounts of this stack from those of others; only where the registry has some. */
    declare readonly instance: pulumi.Output<string>;

    constructor(name: string, args: RegistryAccessArgs, opts?: pulumi.CustomResourceOptions) {
        super(registryAccessKind, name, { ...args }, opts);
    }
}
