import type { MirrorObject } from "../rules/mirror-object-types";
import { objectLabel } from "../rules/mirror-entries";
import { type MirrorKind, coexistenceStart, haveSameObjects, mayMixKinds, parseClusterVersion } from "../versions";
import {
    type ExistingCluster,
    type PlannedRules,
    type ClusterRefusal,
    type ClusterWarning,
    foreignObjects,
} from "./existing-cluster";

const KINDS: Readonly<Record<MirrorObject["kind"], MirrorKind>> = {
    ImageContentSourcePolicy: "ICSP",
    ImageDigestMirrorSet: "IDMS",
    ImageTagMirrorSet: "ITMS",
};
const CLUSTER_VERSION = "ClusterVersion version";

/**
 * Whether the cluster accepts the kinds that are to be written: the site's version against the cluster's, the kinds that
 * its API serves, and ICSPs beside IDMS and ITMS.
 * @throws PassthroughError `CLUSTER_VERSION_INVALID`
 */
export function versionConflicts(cluster: ExistingCluster, planned: PlannedRules): ClusterRefusal[] {
    const different = differentVersion(cluster, planned);
    if (different !== undefined) return [different];
    return [...unservedKinds(cluster, planned), ...mixedKinds(cluster, planned)];
}

/** A site's version that is not the cluster's, where that has no effect on what is written; an update under way. */
export function versionWarnings(cluster: ExistingCluster, planned: PlannedRules): ClusterWarning[] {
    return [...otherMinor(cluster, planned), ...updateUnderWay(cluster)];
}

/** Until it is complete, nodes and the operator that renders their files are of different versions. */
function updateUnderWay({ updatingTo }: ExistingCluster): ClusterWarning[] {
    if (updatingTo === undefined) return [];
    return [
        {
            object: CLUSTER_VERSION,
            problem: `an update to ${updatingTo} is under way, and new mirror rules would roll out to its nodes at the same time`,
            fix: "wait until it is complete: oc get clusterversion",
        },
    ];
}

function otherMinor(cluster: ExistingCluster, planned: PlannedRules): ClusterWarning[] {
    if (planned.version === undefined || differentVersion(cluster, planned) !== undefined) return [];
    const [site, actual] = [parseClusterVersion(planned.version), parseClusterVersion(cluster.version)];
    if (site.major === actual.major && site.minor === actual.minor) return [];
    return [
        {
            object: CLUSTER_VERSION,
            problem: `the cluster is ${cluster.version}, the site's configuration says ${planned.version}`,
            fix: `set cluster.version: "${cluster.version}"`,
        },
    ];
}

function differentVersion(cluster: ExistingCluster, { version }: PlannedRules): ClusterRefusal | undefined {
    const site = version === undefined ? undefined : parseClusterVersion(version);
    if (haveSameObjects(site, parseClusterVersion(cluster.version))) return undefined;
    return {
        code: "CLUSTER_VERSION_DIFFERENT",
        object: CLUSTER_VERSION,
        problem: `the cluster is ${cluster.version}, the objects, and the way in which nodes get the CA, are for ${version ?? "the newest version"}`,
        fix: `set cluster.version: "${cluster.version}"`,
    };
}

function unservedKinds({ servedKinds, version }: ExistingCluster, planned: PlannedRules): ClusterRefusal[] {
    const missing = planned.objects.filter(({ kind }) => !servedKinds.includes(KINDS[kind]));
    return missing.map((object) => ({
        code: "MIRROR_KINDS_CONFLICT",
        object: objectLabel(object),
        problem: `the API of the cluster (${version}) does not serve the kind ${object.kind}`,
        fix: "check the version of the cluster and cluster.version, and whether the CRD of that kind was removed",
    }));
}

function mixedKinds(cluster: ExistingCluster, planned: PlannedRules): ClusterRefusal[] {
    const isOld = ({ kind }: MirrorObject): boolean => kind === "ImageContentSourcePolicy";
    const policies = foreignObjects(cluster, planned).filter(isOld);
    if (policies.length === 0 || planned.objects.every(isOld)) return [];
    const { minor } = parseClusterVersion(cluster.version);
    const site = planned.version === undefined ? undefined : parseClusterVersion(planned.version);
    const isVague = site !== undefined && site.patch === undefined && coexistenceStart(site) !== undefined;
    return policies.flatMap((policy): ClusterRefusal[] => {
        const problem = `it exists, and OpenShift ${cluster.version} accepts either ICSP or IDMS and ITMS, not both`;
        const start = coexistenceStart(parseClusterVersion(cluster.version)) ?? 0;
        if (!mayMixKinds(parseClusterVersion(cluster.version))) {
            const fix = `migrate every ImageContentSourcePolicy (oc adm migrate icsp) and delete it, or upgrade to 4.${minor}.${start}`;
            return [{ code: "MIRROR_KINDS_CONFLICT", object: objectLabel(policy), problem, fix }];
        }
        if (!isVague) return [];
        return [
            {
                code: "MIRROR_KINDS_CONFLICT",
                object: objectLabel(policy),
                problem: `it exists, and whether IDMS and ITMS are accepted beside it depends on the patch release, which cluster.version "${planned.version}" leaves out`,
                fix: `set cluster.version: "${cluster.version}"`,
            },
        ];
    });
}
