import { toProblem } from "../../lib/errors/errors";
import { listed } from "../../lib/errors/text";
import type { ClusterClient } from "../../lib/kubernetes/cluster-client";
import {
    type ClusterRefusal,
    type ExistingCluster,
    type ExpectedPins,
    type NeverSources,
    hasPinnedImages,
    parseClusterVersion,
} from "../../lib/openshift";
import { areHeld, readPins } from "../../lib/openshift/pinned/read-pins";
import type { ClusterAccessInputs } from "./kind";

/** What a cluster says of the images that its nodes are to pin. */
export interface PinAssessment {
    readonly refusals: readonly ClusterRefusal[];
    /** Every node has them; also if nothing is to be pinned. */
    readonly areHeld: boolean;
    /** False: its API has no such kind because of its version, which a refusal says. */
    readonly isServed: boolean;
}

/** How many sets a line names. */
const MAX_NAMES = 5;

/**
 * Whether a cluster can pin images, and whether its nodes have those that the site pins now.
 * @throws ClusterError if something could not be read
 */
export async function assessPins(
    client: ClusterClient,
    { version }: Pick<ExistingCluster, "version">,
    sets: readonly ExpectedPins[] = [],
): Promise<PinAssessment> {
    if (sets.length === 0) return { refusals: [], areHeld: true, isServed: true };
    if (!hasPinnedImages(parseClusterVersion(version))) {
        const refusal: ClusterRefusal = {
            code: "CLUSTER_VERSION_DIFFERENT",
            object: "ClusterVersion version",
            problem: `cluster.pin is set, the cluster is ${version}, and nodes pin images from OpenShift 4.19.12 on`,
            fix: "leave out cluster.pin, or update the cluster",
        };
        return { refusals: [refusal], areHeld: false, isServed: false };
    }
    try {
        const state = await readPins(client, sets);
        return { refusals: state.missingPools.map(missingPool), areHeld: areHeld(state), isServed: true };
    } catch (error) {
        // Said of the objects that are to be written.
        if (toProblem(error).code !== "CLUSTER_KIND_MISSING") throw error;
        return { refusals: [], areHeld: false, isServed: true };
    }
}

function missingPool(pool: string): ClusterRefusal {
    return {
        code: "CLUSTER_OBJECT_INVALID",
        object: `MachineConfigPool ${pool}`,
        problem: "images are to be pinned on its nodes, and the cluster does not have it",
        fix: "name in cluster.pin.pools those that it has: oc get machineconfigpools",
    };
}

/** A source that is not forbidden yet is forbidden when nodes have the images that let them do without it. */
export function withoutUnfilled(
    { ready, waiting }: NeverSources,
    inForce: readonly string[],
    { areHeld: isFilled }: PinAssessment,
): NeverSources {
    if (isFilled) return { ready, waiting };
    const later = ready.filter((source) => !inForce.includes(source));
    const reason = "waits until every node has the pinned images";
    return {
        ready: ready.filter((source) => inForce.includes(source)),
        waiting: [...waiting, ...later.map((source) => ({ source, reason }))],
    };
}

/** What is said of sets that are not wanted any more; undefined if there are none. */
export function unpinnedLine(
    { pinnedSets: before = [] }: Pick<Partial<ClusterAccessInputs>, "pinnedSets">,
    { pinnedSets: after = [] }: Pick<ClusterAccessInputs, "pinnedSets">,
): string | undefined {
    const wanted = new Set(after.map(({ name }) => name));
    const left = before.filter(({ name }) => !wanted.has(name)).map(({ name }) => name);
    if (left.length === 0) return undefined;
    return (
        `PinnedImageSet ${listed(left, MAX_NAMES)} will be removed: its images stay on the nodes until the kubelet needs ` +
        "their space, and are pulled from the mirror after that"
    );
}
