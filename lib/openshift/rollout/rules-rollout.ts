import { listed } from "../../errors/text";
import { isAt } from "../rules/mirror-entries";
import type { RegistriesConf } from "../rules/registries-conf";
import { parseRegistriesConf } from "../rules/registries-toml";
import { type ExpectedRules, lackingSources } from "./expected-rules";
import { readIgnitionFile } from "./ignition-file";
import { type PoolOptions, poolFailure } from "./pool-rollout";
import { type FindMachineConfig, checkRendered } from "./rendered-configs";
import type { MachineConfig, MachineConfigPool } from "./rollout-objects";
import { type RolloutResult, waitingForOperator } from "./rollout-result";

export const REGISTRIES_CONF = "/etc/containers/registries.conf";
/** The operator generates rules for these pools; every other pool inherits those of `worker`. */
const BUILT_IN_POOLS: readonly string[] = ["master", "worker", "arbiter"];
/** How many sources a line names. */
const MAX_SOURCES = 3;

/**
 * Where the machine-config operator writes the mirror rules of built-in pools, before it renders them together with all
 * other configurations (pkg/controller/container-runtime-config).
 */
export function generatedConfigNames(pools: readonly MachineConfigPool[]): string[] {
    return pools.filter(hasOwnRules).map(generatedConfigName);
}

/**
 * The operator has taken our mirror rules, and the rendered configuration that each pool wants has them. The objects have
 * no status: what the operator has made of them is all that there is to see.
 * @param find finds generated and rendered configurations
 * @throws PassthroughError `REGISTRIES_CONF_INVALID`, `CLUSTER_OBJECT_INVALID`
 */
export function rulesRendered(
    expected: ExpectedRules,
    pools: readonly MachineConfigPool[],
    find: FindMachineConfig,
    options: PoolOptions = {},
): RolloutResult {
    const behind = pools
        .filter(hasOwnRules)
        .map((pool) => ({ pool, sources: missingRules(find(generatedConfigName(pool)), expected) }))
        .filter(({ sources }) => sources.length > 0);
    if (behind.length > 0) return notTaken(behind, expected, options);
    const missing = (config: MachineConfig) => {
        const sources = missingRules(config, expected);
        return sources.length === 0 ? undefined : `a configuration with the rules of ${listed(sources, MAX_SOURCES)}`;
    };
    return checkRendered(pools, find, missing, { ...options, fix: OVERRIDDEN });
}

/** The sources whose rules a configuration does not have. */
export function missingRules(config: MachineConfig | undefined, expected: ExpectedRules): string[] {
    return lackingSources(config === undefined ? {} : readConf(config), expected);
}

const OVERRIDDEN =
    `look for a MachineConfig of somebody else that writes ${REGISTRIES_CONF}, which replaces the generated file: ` +
    "oc get machineconfigs -o yaml; and read the log of the machine-config-controller";

/** Waiting for the operator to take rules, unless a pool never gets them by itself. */
function notTaken(
    behind: readonly { readonly pool: MachineConfigPool; readonly sources: readonly string[] }[],
    { refusal }: ExpectedRules,
    options: PoolOptions,
): RolloutResult {
    const failure = behind.map(({ pool }) => poolFailure(pool, options)).find((result) => result !== undefined);
    if (failure !== undefined) return failure;
    const names = behind.map(({ pool }) => pool.metadata.name);
    const sources = listed([...new Set(behind.flatMap((one) => one.sources))], MAX_SOURCES);
    const pools = `${names.length === 1 ? "pool" : "pools"} ${names.join(", ")}`;
    const text = `the machine-config operator to take the rules of ${sources} for ${pools}`;
    if (refusal === undefined) return waitingForOperator([text]);
    return waitingForOperator([`${text}, which it refuses: ${refusal.problem}`], refusal.fix);
}

function hasOwnRules({ metadata, status }: MachineConfigPool): boolean {
    return BUILT_IN_POOLS.includes(metadata.name) && status?.machineCount !== 0;
}

function generatedConfigName({ metadata }: MachineConfigPool): string {
    return `99-${metadata.name}-generated-registries`;
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
    const missing = (config: MachineConfig) => {
        const mirrors = (readConf(config).registry ?? []).flatMap(({ mirror = [] }) => mirror);
        return mirrors.some(({ location }) => isAt(location, host))
            ? `a configuration without mirrors at ${host}`
            : undefined;
    };
    return checkRendered(pools, find, missing, options);
}

function readConf(config: MachineConfig): RegistriesConf {
    const text = readIgnitionFile(config, REGISTRIES_CONF);
    return text === undefined
        ? {}
        : parseRegistriesConf(text, `${REGISTRIES_CONF} in MachineConfig ${config.metadata.name}`);
}
