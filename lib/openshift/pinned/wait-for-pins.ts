import { counted, firstWords, listed, oneLine } from "../../errors/text";
import type { ClusterClient } from "../../kubernetes/cluster-client";
import { type RolloutResult, combineResults, waitingForNodes, waitingForOperator } from "../rollout/rollout-result";
import { type WaitOptions, waitUntilDone } from "../rollout/wait-for-nodes";
import type { ExpectedPins } from "./pinned-image-set";
import { type NodePins, type PinState, type PoolPins, readPins } from "./read-pins";

/** How many nodes of a pool a line names. */
const MAX_NODES = 3;
/** Characters of what a node says. */
const MAX_ERROR = 600;
/** How long the pulls of a node may fail one after the other, without a set that gets complete, as operators may be late. */
const FAILING_MINUTES = 10;
const MINUTE = 60_000;

/**
 * What the daemon says when images do not fit, which no further attempt changes (machine-config-operator,
 * pkg/daemon/pinned_image_set.go: errInsufficientStorage, isErrNoSpace, checkNodeReady).
 */
const NO_SPACE = /no space left on device|storage available is less than minimum required|OutOfDisk=True/;
/** What it says when its time is over, some minutes, in which no large set is complete: it goes on (errRequeueAfterTimeout). */
const TIME_OVER = /prefetching images incomplete after timeout/;

const OPERATOR_FIX =
    "read the log of the operator: oc -n openshift-machine-config-operator logs deploy/machine-config-controller";
const NODES_FIX =
    "look at the nodes with `oc get machineconfignodes -o yaml`, then run again: it continues to wait; " +
    "cluster.rollout.minutes sets a longer time";

/**
 * Waits until every node holds the images of sets; returns at once if they do.
 * @returns what nodes still lack; nothing unless only the operator was to be waited for
 * @throws PassthroughError `ROLLOUT_FAILED` with what a node says, `ROLLOUT_TIMEOUT`; the signal's reason
 */
export function waitForPins(
    client: ClusterClient,
    expected: readonly ExpectedPins[],
    options: WaitOptions,
): Promise<readonly string[]> {
    const failures = new NodeFailures(() => options.clock.now());
    return waitUntilDone(
        client,
        async () => {
            const state = await readPins(client, expected);
            return failures.look(state) ?? pinResult(state);
        },
        options,
    );
}

/** How far a cluster is, apart from what nodes fail with. */
function pinResult({ different, missingPools, unlisted, pools }: PinState): RolloutResult {
    if (missingPools.length > 0) return missingPool(missingPools);
    if (different.length > 0) {
        return {
            state: "failed",
            problem: `PinnedImageSet ${listed(different, MAX_NODES)} was changed or removed after it was written`,
            fix: "find out by whom (oc get pinnedimagesets -o yaml --show-managed-fields), and run `npm run up` again, which writes it anew",
        };
    }
    const sets = unlisted.map(({ name, pool }) => `the machine-config operator to give ${name} to pool ${pool}`);
    return combineResults([
        waitingForOperator(sets, OPERATOR_FIX),
        waitingForNodes(pools.flatMap(describePool), NODES_FIX),
    ]);
}

function missingPool(names: readonly string[]): RolloutResult {
    const pools = `${names.length === 1 ? "pool" : "pools"} ${names.join(", ")}`;
    return {
        state: "failed",
        problem: `the cluster does not have the machine config ${pools}`,
        fix: "name in cluster.pin.pools those that it has: oc get machineconfigpools",
    };
}

/** "worker: 2 of 5 nodes hold the images (worker-3: 1 of 2 sets)"; nothing if all hold them. */
function describePool({ pool, nodes, holding, behind }: PoolPins): string[] {
    if (nodes === undefined) return [`${pool}: no status yet`];
    if (behind.length === 0 && holding >= nodes) return [];
    const names = behind.length === 0 ? "" : ` (${listed(behind.map(describeNode), MAX_NODES)})`;
    return [`${pool}: ${holding} of ${counted(nodes, "node")} hold the images${names}`];
}

function describeNode(node: NodePins): string {
    const { name, complete, sets } = node;
    const failure = describeFailure(node);
    return `${name}: ${complete} of ${counted(sets, "set")}${failure === undefined ? "" : `, tries again after: ${failure}`}`;
}

/** Why the last attempt of a node failed; undefined if it did not, or if only its time was over. */
export function describeFailure({ error }: NodePins): string | undefined {
    return error === undefined || TIME_OVER.test(error) ? undefined : firstWords(oneLine(error), MAX_ERROR);
}

/** What nodes fail with over the looks of one wait. */
class NodeFailures {
    /** Attempts that had failed before the wait: what was wrong then may be repaired. */
    private former: ReadonlySet<string | undefined> | undefined;
    /** By node: since when its attempts fail, and how many sets were complete then. */
    private readonly failing = new Map<string, { readonly since: number; readonly complete: number }>();

    constructor(private readonly now: () => number) {}

    /** @returns why a node never gets there; undefined: it may */
    look({ pools }: PinState): RolloutResult | undefined {
        const nodes = pools.flatMap(({ pool, behind }) => behind.map((node) => ({ ...node, pool })));
        this.former ??= new Set(nodes.map(attemptOf));
        const names = new Set(nodes.map(({ name }) => name));
        for (const name of this.failing.keys()) if (!names.has(name)) this.failing.delete(name);
        for (const node of nodes) {
            const failure = this.judge(node);
            if (failure !== undefined) return failure;
        }
        return undefined;
    }

    private judge(node: NodePins & { readonly pool: string }): RolloutResult | undefined {
        const { name, pool, complete } = node;
        const failure = describeFailure(node);
        // While a node is at work it says nothing of its last attempt: whether that was in vain, the next one shows.
        if (failure === undefined || this.former?.has(attemptOf(node)) === true) return undefined;
        const known = this.failing.get(name);
        const since = known?.complete === complete ? known.since : this.now();
        this.failing.set(name, { since, complete });
        const isFull = NO_SPACE.test(failure);
        if (!isFull && this.now() - since < FAILING_MINUTES * MINUTE) return undefined;
        return {
            state: "failed",
            problem: `pool ${pool}: node ${name} cannot pin the images: ${failure}`,
            fix: isFull
                ? "give its nodes more space for images, or pin fewer: cluster.pin.images, cluster.pin.pools; then run again"
                : `repair what it says, or take the image out with cluster.pin.images; then run again: oc describe machineconfignode ${name}`,
        };
    }
}

function attemptOf({ name, attempt }: NodePins): string | undefined {
    return attempt === undefined ? undefined : `${name} ${attempt}`;
}
