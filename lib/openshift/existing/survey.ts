import { PassthroughError } from "../../errors/errors";
import { type RegistriesConf, registriesConf } from "../rules/registries-conf";
import { blockedRegistries } from "./blocked-registries";
import {
    type ExistingCluster,
    type PlannedRules,
    type ClusterRefusal,
    type ClusterWarning,
    foreignObjects,
} from "./existing-cluster";
import { registrySourceConflicts, registrySourceWarnings } from "./image-config";
import { ruleConflicts } from "./rule-conflicts";
import { meetingRules } from "./shadowing";
import { versionConflicts, versionWarnings } from "./version-conflicts";

/** What our rules meet on a cluster. */
export interface ClusterSurvey {
    /** Empty if our rules may be written. */
    readonly refusals: readonly ClusterRefusal[];
    readonly warnings: readonly ClusterWarning[];
    /** What nodes get of all objects together; absent if the operator would render nothing. */
    readonly registriesConf?: RegistriesConf;
}

/**
 * Compares what a cluster has with what is to be written. Objects of ours are recognised by kind and name, and are taken
 * as they will be.
 * @throws PassthroughError `CLUSTER_VERSION_INVALID`; `REFERENCE_INVALID` for the release image
 */
export function surveyCluster(cluster: ExistingCluster, planned: PlannedRules): ClusterSurvey {
    const refusals = [
        ...versionConflicts(cluster, planned),
        ...ruleConflicts(cluster, planned),
        ...registrySourceConflicts(cluster, planned),
    ];
    const rendered = render(cluster, planned);
    const warnings = [...versionWarnings(cluster, planned), ...registrySourceWarnings(cluster, planned)];
    if (!("conf" in rendered)) {
        return { refusals: refusals.length === 0 ? [rendered] : refusals, warnings };
    }
    return {
        refusals,
        warnings: [...meetingRules(cluster, planned, rendered.conf), ...warnings],
        registriesConf: rendered.conf,
    };
}

/**
 * What nodes get of the cluster's objects as they are.
 * @returns undefined if the operator renders nothing of them, so that nodes have some earlier file
 */
export function currentRegistriesConf(cluster: ExistingCluster): RegistriesConf | undefined {
    return surveyCluster(cluster, { objects: [], version: cluster.version }).registriesConf;
}

/**
 * What nodes get of the cluster's objects and ours together: the rules that pulls follow afterwards. Where the operator
 * would render nothing, those of ours alone.
 * @throws PassthroughError as `registriesConf` does
 */
export function rulesToBe(cluster: ExistingCluster, planned: PlannedRules): RegistriesConf {
    const rendered = render(cluster, planned);
    return "conf" in rendered ? rendered.conf : registriesConf(planned.objects, planned.version ?? cluster.version);
}

/** The file of all objects together, or why there would be none. */
function render(cluster: ExistingCluster, planned: PlannedRules): { readonly conf: RegistriesConf } | ClusterRefusal {
    const objects = [...foreignObjects(cluster, planned), ...planned.objects];
    const { inConf } = blockedRegistries(cluster, objects);
    try {
        const sources = { ...cluster.registrySources, blockedRegistries: inConf };
        return { conf: registriesConf(objects, cluster.version, sources) };
    } catch (error) {
        if (!(error instanceof PassthroughError)) throw error;
        const { code, thing = "mirror rules", problem, fix = "" } = error;
        return { code, object: thing, problem, fix };
    }
}
