import { z } from "zod";

/** The outputs of a stack that become files; an output that a stack of before does not have is as good as empty. */
export const renderedOutputs = z.object({
    mirrorRules: z.string(),
    registriesConf: z.string(),
    registryCa: z.string(),
    releaseSignatures: z.string().default(""),
    catalogSources: z.string().default(""),
    clusterCatalogs: z.string().default(""),
    operatorHub: z.string().default(""),
    updateService: z.string().default(""),
});

export type RenderedOutputs = z.infer<typeof renderedOutputs>;

/** A file of `render`. */
export interface RenderedFile {
    readonly name: string;
    readonly output: keyof RenderedOutputs;
    readonly what: string;
    /** Written even if it is empty. */
    readonly always: boolean;
}

/** In the order in which a cluster takes them (docs/outputs.md). */
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
        what: "what a node makes of them; also for podman, skopeo and MicroShift",
        always: true,
    },
    { name: "ca.crt", output: "registryCa", what: "the CA of the registry's certificate", always: true },
    {
        name: "release-signatures.yaml",
        output: "releaseSignatures",
        what: "signatures of releases: without them a cluster refuses to update",
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
];
