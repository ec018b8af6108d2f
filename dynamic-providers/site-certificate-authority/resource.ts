import type * as pulumi from "@pulumi/pulumi";
import { RegistryResource } from "../registry/registry-resource";
import { type SiteCertificateAuthorityArgs, siteCertificateAuthorityKind } from "./kind";

/** A CA of a site, kept in state; while it is replaced, there are two. */
export class SiteCertificateAuthority extends RegistryResource {
    /** PEM of every CA that is to be trusted now. */
    declare readonly trusted: pulumi.Output<string>;
    declare readonly issuerCertificate: pulumi.Output<string>;
    /** Secret. */
    declare readonly issuerKey: pulumi.Output<string>;
    /** RFC 3339 */
    declare readonly issuerEnds: pulumi.Output<string>;

    constructor(name: string, args: SiteCertificateAuthorityArgs, opts?: pulumi.CustomResourceOptions) {
        super(siteCertificateAuthorityKind, name, { ...args }, opts);
    }
}
