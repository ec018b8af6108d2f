import { PassthroughError, errorMessage } from "../../errors/errors";
import type { ClusterClient } from "../../kubernetes/cluster-client";
import { type NodeExpectation, type RenderedConfigs, checkNodes } from "./check-nodes";
import { type MachineConfigPool, ROLLOUT_PATHS } from "./rollout-objects";
import type { RolloutResult } from "./rollout-result";

/** Time, so that tests do not wait. */
export interface Clock {
    /** Milliseconds. */
    now(): number;
    /** Rejects with the signal's reason when it aborts. */
    sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/** How long to wait. */
export interface WaitBounds {
    /** Minutes that operators have to take a change, and that the cluster's API may stay unreadable; default: 10. */
    readonly operatorMinutes?: number | undefined;
    /** Minutes in all; default: `NODE_MINUTES` for each node of the largest pool, and at least an hour. */
    readonly totalMinutes?: number | undefined;
}

const OPERATOR_MINUTES = 10;
/** A pool changes one node after the other. */
const NODE_MINUTES = 15;

export interface WaitOptions {
    readonly signal: AbortSignal;
    /** Gets what is waited for, at each look. */
    readonly onProgress: (text: string) => void;
    readonly clock: Clock;
    readonly bounds?: WaitBounds | undefined;
    /** "operator": until operators have taken everything, and nodes follow; default: until the nodes have it. */
    readonly until?: "operator" | "nodes" | undefined;
}

const MINUTE = 60_000;
const LEAST_TOTAL_MINUTES = 60;
const POLL_MS = 5000;

/**
 * Waits until all nodes of a cluster have what is expected; returns at once if they have it. What cannot be read is
 * neither there nor missing: it is read again until the bound.
 * @returns what nodes still lack; nothing unless only operators were to be waited for
 * @throws PassthroughError `ROLLOUT_FAILED` if it will not happen by itself; `ROLLOUT_TIMEOUT`; the signal's reason
 */
export async function waitForNodes(
    client: ClusterClient,
    expectation: NodeExpectation,
    options: WaitOptions,
): Promise<readonly string[]> {
    const rendered: RenderedConfigs = new Map();
    return waitUntilDone(client, () => checkNodes(client, expectation, rendered), options);
}

/**
 * The same for anything that a cluster's nodes or operators are to have.
 * @param check one look at how far they are; throws if that could not be read
 */
export async function waitUntilDone(
    client: ClusterClient,
    check: () => Promise<RolloutResult>,
    options: WaitOptions,
): Promise<readonly string[]> {
    const { signal, onProgress, clock, until = "nodes" } = options;
    const watch = new BoundsWatch(client, options);
    for (;;) {
        signal.throwIfAborted();
        const look = await orUnreadable(check, signal);
        if (look.state === "done") return [];
        if (look.state === "waiting" && look.stage === "nodes" && until === "operator") return look.waitingFor;
        if (look.state === "failed") {
            throw new PassthroughError(look.problem, {
                code: "ROLLOUT_FAILED",
                place: { cluster: client.server },
                fix: look.fix,
            });
        }
        onProgress(`waiting for ${look.waitingFor.join("; ")}`);
        await watch.check(look);
        await clock.sleep(POLL_MS, signal);
    }
}

/** Minutes that nodes are waited for if nothing is configured. */
export function defaultTotalMinutes(pools: readonly MachineConfigPool[]): number {
    const largest = Math.max(0, ...pools.map(({ status }) => status?.machineCount ?? 0));
    return Math.max(LEAST_TOTAL_MINUTES, NODE_MINUTES * largest);
}

type Unreadable = { readonly state: "unreadable"; readonly waitingFor: readonly string[] };
type Look = RolloutResult | Unreadable;
type Waiting = Extract<Look, { readonly waitingFor: readonly string[] }>;

async function orUnreadable(look: () => Promise<RolloutResult>, signal: AbortSignal): Promise<Look> {
    try {
        return await look();
    } catch (error) {
        signal.throwIfAborted();
        return {
            state: "unreadable",
            waitingFor: [`the cluster's API, which could not be read: ${errorMessage(error)}`],
        };
    }
}

/** Ends a wait that has gone on for too long. */
class BoundsWatch {
    private readonly startedAt: number;
    /** Since when an operator has been waited for, or the API could not be read. */
    private blockedSince: number | undefined;
    private blockedBy: string | undefined;
    private totalMinutes: number | undefined;

    constructor(
        private readonly client: ClusterClient,
        private readonly options: WaitOptions,
    ) {
        this.startedAt = options.clock.now();
    }

    /** @throws PassthroughError `ROLLOUT_TIMEOUT` */
    async check(look: Waiting): Promise<void> {
        const { operatorMinutes = OPERATOR_MINUTES, totalMinutes } = this.options.bounds ?? {};
        const now = this.options.clock.now();
        const blockedBy = look.state === "waiting" && look.stage === "nodes" ? undefined : look.state;
        if (blockedBy !== this.blockedBy) this.blockedSince = now;
        this.blockedBy = blockedBy;
        if (blockedBy !== undefined && now - (this.blockedSince ?? now) >= operatorMinutes * MINUTE) {
            throw this.timeout(look, operatorMinutes);
        }
        // What is read once: the size of the pools is asked for when waiting gets long, not at every look.
        if (totalMinutes === undefined && now - this.startedAt < LEAST_TOTAL_MINUTES * MINUTE) return;
        this.totalMinutes ??= totalMinutes ?? (await this.readTotalMinutes());
        if (now - this.startedAt >= this.totalMinutes * MINUTE) throw this.timeout(look, this.totalMinutes);
    }

    /** Unreadable: the least, since a cluster that cannot be read is not waited for longer. */
    private async readTotalMinutes(): Promise<number> {
        const pools = await this.client.list<MachineConfigPool>(ROLLOUT_PATHS.pools).catch(() => undefined);
        return defaultTotalMinutes(pools ?? []);
    }

    private timeout(look: Waiting, minutes: number): PassthroughError {
        return new PassthroughError(`after ${minutes} minutes still waiting for ${look.waitingFor.join("; ")}`, {
            code: "ROLLOUT_TIMEOUT",
            place: { cluster: this.client.server },
            fix: timeoutFix(look),
        });
    }
}

function timeoutFix(look: Waiting): string {
    if (look.state === "unreadable") return "check that the API server can be reached, then run again";
    if (look.fix !== undefined) return look.fix;
    if (look.stage === "nodes") {
        return (
            "look at the nodes with `oc get machineconfigpools,nodes`, then run again: it continues to wait; " +
            "cluster.rollout.minutes sets a longer time"
        );
    }
    return (
        "read the log of the operator: oc -n openshift-machine-config-operator logs deploy/machine-config-controller; it " +
        "refuses mirror objects that disagree about one source, and says so only there"
    );
}
