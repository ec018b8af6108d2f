import type { RenderedOutputs } from "./rendered-outputs";

/** A file of `render`. */
export interface RenderedFile {
    readonly name: string;
    readonly output: Exclude<keyof RenderedOutputs, "targetFiles" | "accessFiles" | "roleFiles">;
    readonly what: string;
    /** Written even if it is empty. */
    readonly always: boolean;
}

/** In the order in which a cluster needs them (docs/outputs.md). */
export const RENDERED_FILES: readonly RenderedFile[] = [
    {
        name: "mirror-rules.yaml",
        output: "mirrorRules",
        what: "the mirror objects (IDMS and ITMS, or an ICSP on old versions)",
        always: true,
    },
    {
        name: "registries.conf",
        output: "registriesConf",
        what: "the same rules for podman, skopeo and MicroShift",
        always: true,
    },
    { name: "ca.crt", output: "registryCa", what: "the CA of the registry's certificate", always: true },
    {
        name: "client.cert",
        output: "clientCertificate",
        what: "the client certificate for the registry, without its key",
        always: false,
    },
    {
        name: "release-signatures.yaml",
        output: "releaseSignatures",
        what: "signatures of releases; a cluster needs them to update",
        always: false,
    },
    {
        name: "catalog-sources.yaml",
        output: "catalogSources",
        what: "operator catalogs for OLM v0",
        always: false,
    },
    {
        name: "cluster-catalogs.yaml",
        output: "clusterCatalogs",
        what: "operator catalogs for OLM v1 (4.18 and later)",
        always: false,
    },
    {
        name: "operator-hub.yaml",
        output: "operatorHub",
        what: "switches OpenShift's own catalogs off",
        always: false,
    },
    {
        name: "update-service.yaml",
        output: "updateService",
        what: "a local update service with its graph",
        always: false,
    },
    {
        name: "cluster-image-policies.yaml",
        output: "clusterImagePolicies",
        what: "who must have signed images (4.20 and later); apply it when verify --signatures succeeds",
        always: false,
    },
    {
        name: "pinned-image-sets.yaml",
        output: "pinnedImageSets",
        what: "images that nodes pull beforehand (4.19.12 and later); apply it when nodes have the rules",
        always: false,
    },
];
