import { z } from "zod";

/** A path below the folder that files are written to. */
const relativePath = z.string().regex(/^[a-z0-9-]+(\/(?!\.)[A-Za-z0-9.:_-]+)+$/);

/** The outputs of a stack that become files; an older stack may lack some, which count as empty. */
export const renderedOutputs = z.object({
    mirrorRules: z.string(),
    registriesConf: z.string(),
    registryCa: z.string(),
    clientCertificate: z.string().default(""),
    releaseSignatures: z.string().default(""),
    catalogSources: z.string().default(""),
    clusterCatalogs: z.string().default(""),
    operatorHub: z.string().default(""),
    updateService: z.string().default(""),
    targetFiles: z.record(relativePath, z.string()).default({}),
    accessFiles: z.record(relativePath, z.string()).default({}),
    roleFiles: z.record(relativePath, z.string()).default({}),
});

export type RenderedOutputs = z.infer<typeof renderedOutputs>;
