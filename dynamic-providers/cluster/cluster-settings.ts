import { z } from "zod";
import { readKubeconfigFile } from "../../lib/kubernetes";
import { configuredKubeconfig, kubeconfigKey, mergeDocuments, parseJson } from "../../lib/site";
import type { ReadConfig } from "../lifecycle/provider-process";
import { type ClusterInputs, kubeconfigTexts } from "./cluster-kind";

/** How a resource reaches its cluster. */
export interface ClusterConnection {
    /** Text that names no files: secret. */
    readonly kubeconfig: string;
    /** Absent: the kubeconfig's `current-context`. */
    readonly context?: string | undefined;
    /** Where today's configuration has it, for errors; absent: it is that of state. */
    readonly key?: string;
}

const PREFIX = "registry-passthrough:";
const applied = z.looseObject({
    allowRemoval: z.boolean().optional().catch(undefined),
    rollout: z.looseObject({ minutes: z.number().positive().optional() }).optional().catch(undefined),
    apply: z.looseObject({ kubeconfigFile: z.string().optional(), context: z.string().optional() }).optional(),
});
const clusters = z.looseObject({
    cluster: applied.optional().catch(undefined),
    clusters: z.record(z.string(), applied.catch({})).optional().catch(undefined),
});

/** What today's configuration says about removals from a cluster. */
interface Removal {
    /** Whether what its nodes pull with may be taken away. */
    readonly isAllowed: boolean;
    /** Minutes that nodes are waited for at most; absent: as many as the largest pool takes. */
    readonly minutes?: number | undefined;
}

/**
 * How today's configuration of the stack reaches its clusters. State may still have the kubeconfig of the last `up`, whose
 * token has been replaced: a refresh or destroy with that would fail. What the configuration does not say counts as in
 * state.
 */
export class ClusterSettings {
    /** Nothing is configured. */
    static readonly UNKNOWN = new ClusterSettings(new Map(), new Map());

    /**
     * @param connections by name in `site.clusters`; that of `site.cluster` is empty
     * @param removals by the same name
     */
    private constructor(
        private readonly connections: ReadonlyMap<string, ClusterConnection>,
        private readonly removals: ReadonlyMap<string, Removal>,
    ) {}

    /** @param readFile makes a text that names no files of a kubeconfig file */
    static read(config: ReadConfig, readFile = readKubeconfigFile): ClusterSettings {
        const [site, defaults] = ["site", "defaults"].map((key) => parseJson(config(`${PREFIX}${key}`))?.value);
        const found = clusters.safeParse(mergeDocuments(defaults ?? {}, site ?? {})).data;
        const named = [
            ...Object.entries(found?.clusters ?? {}),
            ...(found?.cluster ? [["", found.cluster] as const] : []),
        ];
        const read = named.flatMap(([name, { apply }]) => {
            const secret = config(`${PREFIX}${kubeconfigKey({ name })}`);
            const { text, context, key } =
                configuredKubeconfig({ name, ...(apply && { apply }) }, secret, readFile) ?? {};
            if (text === undefined || key === undefined) return [];
            return [[name, { kubeconfig: text, key, ...(context === undefined ? {} : { context }) }] as const];
        });
        const removals = named.map(
            ([name, { allowRemoval, rollout }]) =>
                [name, { isAllowed: allowRemoval ?? false, minutes: rollout?.minutes }] as const,
        );
        return new ClusterSettings(new Map(read), new Map(removals));
    }

    /** Whether what a cluster's nodes pull with may be taken away; undefined if the configuration lacks the cluster. */
    allowsRemoval(cluster: string): boolean | undefined {
        return this.removals.get(cluster)?.isAllowed;
    }

    /**
     * Minutes that a removal waits for nodes at most; absent: as many as the largest pool takes.
     * @param minutes of the last change, for a cluster that the configuration lacks
     */
    removalMinutes({ cluster, minutes }: { readonly cluster: string; readonly minutes?: number | undefined }) {
        return (this.removals.get(cluster) ?? { minutes }).minutes;
    }

    /** A resource's cluster, with today's kubeconfig and context. */
    connection({ cluster, kubeconfig, context }: ClusterInputs): ClusterConnection {
        return this.connections.get(cluster) ?? { kubeconfig, ...(context === undefined ? {} : { context }) };
    }

    /** Every secret text of the configured kubeconfigs, to be removed from messages. */
    secretTexts(): string[] {
        return [...this.connections.values()].flatMap(({ kubeconfig }) => kubeconfigTexts(kubeconfig));
    }
}
