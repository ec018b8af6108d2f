import { clockFindings } from "../../lib/host-checks";
import type { ClusterClient } from "../../lib/kubernetes/cluster-client";

/**
 * That nodes of a cluster may not take a certificate that was made here: its API has another time. Only said, since the clock
 * of what answers for a cluster need not be that of its nodes.
 * @returns undefined: they have the same time, or that of the API is not known
 */
export function clockWarning({
    server,
    clockDifference,
}: Pick<ClusterClient, "server" | "clockDifference">): string | undefined {
    if (clockDifference === undefined) return undefined;
    const [found] = clockFindings({ time: clockDifference / 1000 }, 0);
    if (found === undefined) return undefined;
    return `the clock of ${server}: ${found.problem}; nodes may not take certificates that are made here: ${found.fix}`;
}
