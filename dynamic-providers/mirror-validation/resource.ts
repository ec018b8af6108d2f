import * as pulumi from "@pulumi/pulumi";
import type { Credentials } from "../../lib/http/credentials";
import { RegistryResource } from "../registry/registry-resource";
import { type MirrorValidationArgs, type ValidationSummary, mirrorValidationKind } from "./kind";

/** Proof that every image can be pulled under its upstream name through the rules. */
export class MirrorValidation extends RegistryResource {
    /** Secret. The account that it was proven with. */
    declare readonly credentials: pulumi.Output<Credentials>;
    declare readonly summary: pulumi.Output<ValidationSummary>;

    constructor(name: string, args: MirrorValidationArgs, opts?: pulumi.CustomResourceOptions) {
        const quiet = pulumi.mergeOptions(opts, { hideDiffs: ["images", "marks"] });
        super(mirrorValidationKind, name, { ...args }, quiet);
    }
}
