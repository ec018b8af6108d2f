import { listed } from "../../errors/text";
import type { RegistriesConf, RegistryMirror, RegistryRule } from "../rules/registries-conf";
import { parseRegistriesConf } from "../rules/registries-toml";
import { readIgnitionFile } from "./ignition-file";
import { type PoolOptions, poolProgress } from "./pool-rollout";
import type { MachineConfig, MachineConfigPool } from "./rollout-objects";
import { DONE, type RolloutResult, combineResults, waitingForOperator } from "./rollout-result";

export const REGISTRIES_CONF = "/etc/containers/registries.conf";
/** The pools that the operator generates a registries.conf for; custom pools inherit that of `worker`. */
const BUILT_IN = ["master", "worker", "arbiter"];
/** How many sources a line names. */
const MAX_SOURCES = 3;

/** Finds a MachineConfig by its name; undefined if there is none. */
export type FindMachineConfig = (name: string) => MachineConfig | undefined;

/** Those of the pools that the operator generates a registries.conf for. */
export function builtInPools(pools: readonly MachineConfigPool[]): MachineConfigPool[] {
    return pools.filter(({ metadata }) => BUILT_IN.includes(metadata.name));
}

/**
 * The MachineConfigs that may hold a built-in pool's registries.conf: clusters that were installed before 4.5 keep the
 * name with the pool's UID (machine-config-operator, GetManagedKey), which then is the one in use.
 */
export function generatedRegistriesNames({ metadata }: MachineConfigPool): string[] {
    return [
        ...(metadata.uid === undefined ? [] : [`99-${metadata.name}-${metadata.uid}-registries`]),
        `99-${metadata.name}-generated-registries`,
    ];
}

/**
 * Step 3: the operator has accepted the mirror objects, which it says nowhere but in these files. Mirrors of other objects
 * for the same source may stand beside ours.
 * @throws PassthroughError `REGISTRIES_CONF_INVALID`, `CLUSTER_OBJECT_INVALID`
 */
export function rulesAccepted(
    expected: RegistriesConf,
    pools: readonly MachineConfigPool[],
    find: FindMachineConfig,
): RolloutResult {
    return combineResults(
        builtInPools(pools).map((pool) => {
            const config = generatedRegistriesNames(pool)
                .map(find)
                .find((candidate) => candidate !== undefined);
            const missing = missingRules(expected, config);
            return waitingForOperator(
                missing.length === 0 ? [] : [describeMissing(`pool ${pool.metadata.name}`, missing)],
            );
        }),
    );
}

/**
 * Step 4: the rendered configuration that each pool wants has the rules.
 * @throws PassthroughError `REGISTRIES_CONF_INVALID`, `CLUSTER_OBJECT_INVALID`
 */
export function rulesRendered(
    expected: RegistriesConf,
    pools: readonly MachineConfigPool[],
    find: FindMachineConfig,
    options: PoolOptions = {},
): RolloutResult {
    return combineResults(
        pools.map((pool) => {
            const config = renderedConfig(pool, find);
            const missing = missingRules(expected, config);
            if (missing.length === 0 || pool.status?.machineCount === 0) return DONE;
            const text = describeMissing(
                `pool ${pool.metadata.name}, ${config?.metadata.name ?? "not rendered"}`,
                missing,
            );
            return blockedOr(pool, options, text);
        }),
    );
}

/**
 * The rendered configuration that each pool wants has no mirror at a registry any more.
 * @param host `registry.example:8443`
 * @throws PassthroughError `REGISTRIES_CONF_INVALID`, `CLUSTER_OBJECT_INVALID`
 */
export function registryUnused(
    host: string,
    pools: readonly MachineConfigPool[],
    find: FindMachineConfig,
    options: PoolOptions = {},
): RolloutResult {
    return combineResults(
        pools.map((pool) => {
            if (pool.status?.machineCount === 0) return DONE;
            const { name } = pool.metadata;
            const config = renderedConfig(pool, find);
            if (config === undefined) return waitingForOperator([`pool ${name}: its rendered configuration`]);
            const mirrors = readRules(config).flatMap(({ mirror = [] }) => mirror);
            if (!mirrors.some(({ location }) => isAt(location, host))) return DONE;
            return blockedOr(pool, options, `pool ${name}: a configuration without mirrors at ${host}`);
        }),
    );
}

/** True if a mirror's location is at this host. */
export function isAt(location: string, host: string): boolean {
    return location === host || location.startsWith(`${host}/`);
}

/** The rendered configuration that the pool's nodes are to have. */
export function renderedConfig({ spec }: MachineConfigPool, find: FindMachineConfig): MachineConfig | undefined {
    return spec.configuration?.name === undefined ? undefined : find(spec.configuration.name);
}

/** Waiting for this, unless the pool can get nowhere. */
export function blockedOr(pool: MachineConfigPool, options: PoolOptions, text: string): RolloutResult {
    const progress = poolProgress(pool, options);
    return progress.state === "failed" ? progress : waitingForOperator([text]);
}

function missingRules(expected: RegistriesConf, config: MachineConfig | undefined): string[] {
    const found = config === undefined ? [] : readRules(config);
    return (expected.registry ?? [])
        .filter((rule) => !found.some((candidate) => isMet(rule, candidate)))
        .map(ruleScope);
}

function readRules(config: MachineConfig): readonly RegistryRule[] {
    const text = readIgnitionFile(config, REGISTRIES_CONF);
    if (text === undefined) return [];
    return parseRegistriesConf(text, `${REGISTRIES_CONF} in MachineConfig ${config.metadata.name}`).registry ?? [];
}

function ruleScope({ prefix, location }: RegistryRule): string {
    return prefix ?? location ?? "";
}

/** True if the file's rule is for the same source, forbids the upstream likewise, and has all mirrors that are expected. */
function isMet(expected: RegistryRule, found: RegistryRule): boolean {
    const hasMirror = (mirror: RegistryMirror) =>
        found.mirror?.some(
            (candidate) =>
                candidate.location === mirror.location &&
                (candidate["pull-from-mirror"] ?? "all") === (mirror["pull-from-mirror"] ?? "all"),
        );
    return (
        ruleScope(found) === ruleScope(expected) &&
        (found.blocked ?? false) === (expected.blocked ?? false) &&
        (found["mirror-by-digest-only"] ?? false) === (expected["mirror-by-digest-only"] ?? false) &&
        (expected.mirror ?? []).every(hasMirror)
    );
}

function describeMissing(place: string, sources: readonly string[]): string {
    return `${place}: no rule as expected for ${listed(sources, MAX_SOURCES)}`;
}
