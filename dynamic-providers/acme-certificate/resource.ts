import type * as pulumi from "@pulumi/pulumi";
import { DynamicResource } from "../lifecycle/dynamic-resource";
import { type AcmeCertificateArgs, acmeCertificateKind } from "./kind";

/** A certificate for the registry from an ACME server, replaced before it expires. */
export class AcmeCertificate extends DynamicResource {
    /** PEM */
    declare readonly chain: pulumi.Output<string>;
    /** Secret. PEM. */
    declare readonly key: pulumi.Output<string>;

    constructor(name: string, args: AcmeCertificateArgs, opts?: pulumi.CustomResourceOptions) {
        super(acmeCertificateKind, name, { ...args }, opts);
    }
}
