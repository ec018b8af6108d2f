import type * as pulumi from "@pulumi/pulumi";
import { DynamicResource } from "../lifecycle/dynamic-resource";
import { type AcmeAccountArgs, acmeAccountKind } from "./kind";

/** An account at an ACME server. */
export class AcmeAccount extends DynamicResource {
    declare readonly url: pulumi.Output<string>;
    /** Secret. PEM. */
    declare readonly key: pulumi.Output<string>;

    constructor(name: string, args: AcmeAccountArgs, opts?: pulumi.CustomResourceOptions) {
        super(acmeAccountKind, name, { ...args }, opts);
    }
}
