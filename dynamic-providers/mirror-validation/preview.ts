import { PassthroughError } from "../../lib/errors/errors";
import { type ClusterConfiguration, NO_CLUSTER, clusterChangeLines, compareClusters } from "../../lib/openshift";
import type { ResourceLog } from "../lifecycle/engine";
import { changedInputs } from "../lifecycle/resource-kind";
import type { MirrorValidationInputs } from "./kind";

/** Inputs that state of earlier versions lacks. */
export const ADDED_INPUTS = ["clusterObjects", "clusterVersion"] as const;

/** True if clusters get something else than in state; state that does not know what they had is no change. */
export function hasNewClusters(olds: MirrorValidationInputs, news: MirrorValidationInputs): boolean {
    const known = ADDED_INPUTS.filter((name) => olds[name] !== undefined);
    return changedInputs(olds, news, known).length > 0;
}

/**
 * Logs in the preview what changes for clusters: sources of the mirror rules, objects, and what nodes do. Rules in state
 * that cannot be read are reported as such.
 */
export function describeClusterChange(
    olds: Partial<MirrorValidationInputs>,
    news: MirrorValidationInputs,
    log: ResourceLog,
): void {
    try {
        const before = olds.registriesConf === undefined ? NO_CLUSTER : toClusters(olds, olds.registriesConf);
        const change = compareClusters(before, toClusters(news, news.registriesConf));
        const blocks = clusterChangeLines(change).map(({ title, lines }) => [title, ...lines].join("\n    "));
        if (blocks.length > 0) log.line("info", blocks.join("\n"));
    } catch (error) {
        if (!(error instanceof PassthroughError)) throw error;
        log.line("warning", `changes for clusters are not shown: ${error.message}`);
    }
}

function toClusters(
    { clusterObjects, clusterVersion }: Partial<MirrorValidationInputs>,
    registriesConf: string,
): ClusterConfiguration {
    return { objects: clusterObjects, version: clusterVersion, registriesConf };
}
