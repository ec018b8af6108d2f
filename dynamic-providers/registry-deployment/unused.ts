import { PassthroughError } from "../../lib/errors/errors";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { type RegistryConnection, clusterKey } from "../../lib/site";
import type { StackSettings } from "../registry/stack-settings";
import { addressOf, isSameAddress } from "./address";

/** What state has of a registry that the program runs or has installed. */
export interface UsedRegistry {
    readonly registry: Pick<RegistryConnection, "mirrorBase">;
    /** Keys of the clusters that somebody gave rules and accounts by hand when it was looked at last; absent: not known. */
    readonly clustersByHand?: readonly string[] | undefined;
}

/**
 * Which clusters may have rules for the registry by hand, for its state: those that the configuration has with it. In the run
 * that takes the registry away, those of before.
 */
export function notedByHand(
    { registry, clustersByHand: before }: UsedRegistry,
    { site: { isDeployed, clustersByHand, mirrorBase } }: StackSettings,
): Pick<UsedRegistry, "clustersByHand"> {
    const isItsOwn =
        isDeployed?.value === true &&
        mirrorBase !== undefined &&
        isSameAddress(addressOf(mirrorBase.value), addressOf(registry.mirrorBase));
    const noted = isItsOwn && clustersByHand !== undefined ? clustersByHand.value : before;
    return noted === undefined ? {} : { clustersByHand: noted };
}

/**
 * That nobody pulls from the registry that is taken away: neither does the site go on with it, whose configuration still has the
 * address, and deploys nothing there, nor may clusters have its rules that are given others by hand. A destroy has the
 * configuration of before; a site that has moved has another address.
 * @throws PassthroughError `CLUSTER_REMOVAL_REFUSED`
 */
export function requireUnused({ registry, clustersByHand: before = [] }: UsedRegistry, { site }: StackSettings): void {
    const { isDeployed, clusters, clustersByHand, mirrorBase: next } = site;
    const { mirrorBase } = registry;
    // Other paths are other content of the same registry.
    const isLeft = next !== undefined && !isSameAddress(addressOf(next.value), addressOf(mirrorBase));
    // Where it is deployed in another way, clusters get another address.
    if (isDeployed?.value !== false && !isLeft) return;
    if (!isLeft) {
        throw stillUsed(
            `the site still mirrors to ${parseMirrorBase(mirrorBase).host}: without this registry, clusters could not pull any more`,
            "write it again; to leave the registry, give site.registry.mirrorBase another host or port in the same up; to let it " +
                "run without this program, take it out of the state (pulumi state delete)",
        );
    }
    if (clusters === undefined || clustersByHand === undefined) {
        throw stillUsed(
            `which clusters get their rules by hand cannot be read from the configuration, and they may still be those of ${mirrorBase}: it stays`,
            "mend site.cluster or site.clusters, and run the command again",
        );
    }
    // Those that the same `up` takes out of the configuration have its rules nevertheless.
    const present = new Set(clusters.value.map(clusterKey));
    const keys = [...clustersByHand.value, ...before.filter((key) => !present.has(key))];
    if (keys.length === 0) return;
    throw stillUsed(
        `${keys.join(", ")}: rules and accounts are given there by hand, and may still be those of ${mirrorBase}: it stays`,
        "render the files and apply them there; then write allowRemoval: true at each of these keys, again where it was taken out, " +
            "and run the command again",
    );
}

function stillUsed(problem: string, fix: string): PassthroughError {
    return new PassthroughError(problem, { code: "CLUSTER_REMOVAL_REFUSED", thing: "site.registry.deploy", fix });
}
