import { z } from "zod";
import { DNS_LABEL } from "../../lib/site/dns-label";

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
    clusterImagePolicies: z.string().default(""),
    pinnedImageSets: z.string().default(""),
    targetFiles: z.record(relativePath, z.string()).default({}),
    accessFiles: z.record(relativePath, z.string()).default({}),
    roleFiles: z.record(relativePath, z.string()).default({}),
});

export type RenderedOutputs = z.infer<typeof renderedOutputs>;

/** The outputs of a stack by the name of the cluster; that of `site.cluster` is "". */
export type ClusterOutputs = readonly (readonly [cluster: string, outputs: RenderedOutputs])[];

/** With several clusters, what each has of its own is by its name. */
const severalOutputs = z.looseObject({ mirrorRules: z.record(z.string().regex(DNS_LABEL), z.string()) });

/** @returns undefined if the stack has no outputs to render */
export function readClusterOutputs(outputs: unknown): ClusterOutputs | undefined {
    const one = renderedOutputs.safeParse(outputs);
    if (one.success) return [["", one.data]];
    const several = severalOutputs.safeParse(outputs);
    if (!several.success) return undefined;
    const clusters = Object.keys(several.data.mirrorRules).map((name) => {
        const own = Object.entries(several.data).map(([output, value]) => [output, valueOf(value, name)]);
        return [name, renderedOutputs.safeParse(Object.fromEntries(own))] as const;
    });
    const read = clusters.flatMap(([name, { data }]) => (data === undefined ? [] : [[name, data] as const]));
    return read.length === clusters.length ? read : undefined;
}

/** What an output has for a cluster: its own part, or what all share. */
function valueOf(value: unknown, cluster: string): unknown {
    return typeof value === "object" && value !== null && Object.hasOwn(value, cluster)
        ? (value as Record<string, unknown>)[cluster]
        : value;
}
