import type * as pulumi from "@pulumi/pulumi";
import { DynamicResource } from "../lifecycle/dynamic-resource";
import { type RegistryCertificateArgs, registryCertificateKind } from "./kind";

/** A certificate for the registry with its private key, replaced before it expires. */
export class RegistryCertificate extends DynamicResource {
    /** PEM */
    declare readonly chain: pulumi.Output<string>;
    /** Secret. PEM. */
    declare readonly key: pulumi.Output<string>;

    constructor(name: string, args: RegistryCertificateArgs, opts?: pulumi.CustomResourceOptions) {
        super(registryCertificateKind, name, { ...args }, opts);
    }
}
