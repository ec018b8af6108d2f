import type { MachineConfigPool } from "../../lib/openshift/rollout/rollout-objects";
import type { ApiClient, ApiObject, NamedObject } from "./cluster/api-client";
import { poolOf } from "./machine-config-controllers";

/** How nodes of a test behave when they are to pin images. */
export interface PinScript {
    /** By node: passes that its pulls take; each of them ends with the daemon's time limit, after which it goes on. */
    readonly slowNodes?: Readonly<Record<string, number>>;
    /** By node: what each of its attempts fails with. */
    readonly failingNodes?: Readonly<Record<string, string>>;
    /** False: nobody gives sets to pools. */
    readonly takesSets?: boolean;
}

const V1 = "machineconfiguration.openshift.io/v1";
const [POOL, NODE, SET] = [
    { apiVersion: V1, kind: "MachineConfigPool" },
    { apiVersion: V1, kind: "MachineConfigNode" },
    { apiVersion: V1, kind: "PinnedImageSet" },
];
/** errRequeueAfterTimeout */
const TIME_OVER = "requeue: prefetching images incomplete after timeout: 5m0s";

type SetStatus = Readonly<Record<string, string | number>>;

/** What the daemon of one node knows until it is restarted. */
interface Daemon {
    /** `<uid>/<generation>` of the sets that it was at in its last attempt. */
    at: string;
    /** Attempts at these. */
    attempts: number;
    /** All of these are pulled and pinned. */
    isDone: boolean;
}

/**
 * What the machine-config operator does with PinnedImageSets, on an API server that has no controllers: pools get the sets
 * that their selector selects (pkg/controller/pinnedimageset), and the daemon of each node pulls them, tries again without
 * end, and reports by generation in its MachineConfigNode (pkg/daemon/pinned_image_set.go, pkg/upgrademonitor). Works by
 * passes, as `MachineConfigControllers`.
 */
export class PinnedImageControllers {
    script: PinScript = {};
    private readonly daemons = new Map<string, Daemon>();
    private time = Date.parse("2026-01-10T09:00:00Z");

    constructor(private readonly api: ApiClient) {}

    /** @returns true if anything has changed */
    async pass(): Promise<boolean> {
        const sets = await this.list(SET);
        const isSelected = await this.selectSets(sets);
        let isChanged = false;
        for (const node of await this.api.list({ apiVersion: "v1", kind: "Node" }))
            isChanged = (await this.syncNode(node, sets)) || isChanged;
        return (await this.writePools()) || isSelected || isChanged;
    }

    /** Passes until nothing changes any more. */
    async settle(): Promise<void> {
        for (let passes = 0; await this.pass(); passes++) {
            if (passes > 200) throw new Error("the controllers do not come to rest");
        }
    }

    /** The daemon of a node starts anew: what it knew is lost, what it reported stays until its next attempt. */
    restart(node: string): void {
        this.daemons.delete(node);
    }

    /** pkg/controller/pinnedimageset: names in `spec.pinnedImageSets`, sorted; paused pools too. */
    private async selectSets(sets: readonly ApiObject[]): Promise<boolean> {
        if (this.script.takesSets === false) return false;
        let isChanged = false;
        for (const pool of await this.pools()) {
            const names = sets.filter(({ metadata }) => selects(pool, metadata.labels ?? {})).map(nameOf);
            const wanted = names.sort().map((name) => ({ name }));
            if (JSON.stringify(pool.spec.pinnedImageSets ?? []) === JSON.stringify(wanted)) continue;
            await this.api.patch(pool, { spec: { pinnedImageSets: wanted.length === 0 ? null : wanted } });
            isChanged = true;
        }
        return isChanged;
    }

    /** One step of a daemon: it starts an attempt, or ends it. */
    private async syncNode(node: ApiObject, all: readonly ApiObject[]): Promise<boolean> {
        const { name } = node.metadata;
        const pool = (await this.pools()).find(({ metadata }) => metadata.name === poolOf(node));
        const listed = (pool?.spec.pinnedImageSets ?? []).map(({ name: set }) => set);
        const sets = all.filter((set) => listed.includes(nameOf(set)));
        const at = sets.map(({ metadata }) => `${metadata.uid}/${metadata.generation}`).join();
        const daemon = this.daemons.get(name);
        if (daemon?.at !== at) {
            this.daemons.set(name, { at, attempts: 0, isDone: at === "" });
            await this.report(node, sets.map(desired), "at work");
            return true;
        }
        if (daemon.isDone) return false;
        daemon.attempts++;
        const error = this.errorOf(name, daemon.attempts);
        daemon.isDone = error === undefined;
        // The start of the next attempt is not shown: it takes what it reported away.
        await this.report(node, sets.map(error === undefined ? completed : failed(error)), error ?? "done");
        return true;
    }

    private errorOf(node: string, attempts: number): string | undefined {
        const failure = this.script.failingNodes?.[node];
        if (failure !== undefined) return failure;
        return attempts <= (this.script.slowNodes?.[node] ?? 0) ? TIME_OVER : undefined;
    }

    private async report(node: ApiObject, pinnedImageSets: readonly SetStatus[], state: string): Promise<void> {
        const { name } = node.metadata;
        const object = { ...NODE, metadata: { name } };
        if ((await this.api.get(object)) === undefined) {
            const spec = {
                node: { name },
                pool: { name: poolOf(node) },
                configVersion: { desired: "rendered" },
            };
            await this.api.create({ ...object, spec } as NamedObject);
        }
        const isDegraded = state !== "done" && (state !== "at work" || (await this.isDegraded(object)));
        this.time += 1000;
        const lastTransitionTime = new Date(this.time).toISOString();
        const condition = {
            type: "PinnedImageSetsDegraded",
            status: isDegraded ? "True" : "False",
            ...{ reason: isDegraded ? "PrefetchFailed" : "AsExpected", message: "All is good", lastTransitionTime },
        };
        // Applied by the daemon as the only owner: entries that it leaves out are removed.
        await this.api.patch(object, { status: { pinnedImageSets, conditions: [condition] } }, "/status");
    }

    /** It stays degraded while it tries again. */
    private async isDegraded(object: NamedObject): Promise<boolean> {
        const conditions = (await this.api.get(object))?.status?.conditions as { status: string }[] | undefined;
        return conditions?.some(({ status }) => status === "True") ?? false;
    }

    /** pkg/controller/node/status.go: nodes all of whose sets are complete, whoever has written them. */
    private async writePools(): Promise<boolean> {
        const nodes = await this.list(NODE);
        let isChanged = false;
        for (const pool of await this.pools()) {
            const own = nodes.filter(({ spec }) => (spec?.pool as { name: string }).name === pool.metadata.name);
            const counts = {
                poolSynchronizerType: "PinnedImageSets",
                ...{ machineCount: pool.status?.machineCount ?? 0, updatedMachineCount: own.filter(isComplete).length },
                ...{ readyMachineCount: 0, unavailableMachineCount: 0, availableMachineCount: 0 },
            };
            const status = { poolSynchronizersStatus: [counts] };
            const before = (pool.status as { poolSynchronizersStatus?: object[] } | undefined)?.poolSynchronizersStatus;
            if (JSON.stringify(sorted(before?.[0])) === JSON.stringify(sorted(counts))) continue;
            await this.api.patch(pool, { status }, "/status");
            isChanged = true;
        }
        return isChanged;
    }

    private async pools(): Promise<MachineConfigPool[]> {
        return (await this.list(POOL)) as unknown as MachineConfigPool[];
    }

    /** Items of a list have no kind. */
    private async list(kind: Pick<NamedObject, "apiVersion" | "kind">): Promise<ApiObject[]> {
        return (await this.api.list(kind)).map((item) => ({ ...item, ...kind }));
    }
}

function nameOf({ metadata }: ApiObject): string {
    return metadata.name;
}

function desired({ metadata }: ApiObject): SetStatus {
    return { name: metadata.name, desiredGeneration: metadata.generation ?? 0 };
}

function completed(set: ApiObject): SetStatus {
    return { ...desired(set), currentGeneration: set.metadata.generation ?? 0 };
}

/** The error of an attempt is that of every set which is not complete. */
function failed(error: string): (set: ApiObject) => SetStatus {
    return (set) => ({
        ...desired(set),
        lastFailedGeneration: set.metadata.generation ?? 0,
        lastFailedGenerationError: error,
    });
}

function isComplete({ status }: ApiObject): boolean {
    const sets = (status?.pinnedImageSets ?? []) as SetStatus[];
    return sets.every(({ desiredGeneration, currentGeneration }) => desiredGeneration === currentGeneration);
}

function sorted(object: object = {}): [string, unknown][] {
    return Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** `matchLabels`, and `matchExpressions` with `In`: what the selectors of pools have. */
function selects({ spec }: MachineConfigPool, labels: Readonly<Record<string, string>>): boolean {
    const { matchLabels = {}, matchExpressions = [] } =
        (spec as { machineConfigSelector?: Selector }).machineConfigSelector ?? {};
    return (
        Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
        matchExpressions.every(({ key, values }) => values.includes(labels[key] ?? ""))
    );
}

interface Selector {
    readonly matchLabels?: Readonly<Record<string, string>>;
    readonly matchExpressions?: readonly { readonly key: string; readonly values: readonly string[] }[];
}
