import { formatWithoutFix } from "../../lib/errors/format";
import { counted, listed } from "../../lib/errors/text";
import type { ClusterClient } from "../../lib/kubernetes/cluster-client";
import { parseBoundedJson } from "../../lib/oci/bounded-json";
import { parseReference } from "../../lib/oci/reference";
import {
    type ExistingCluster,
    type LiveObject,
    type MirrorObject,
    type NodeEffect,
    type OldObjectPlan,
    type RegistriesConf,
    type RemovedEntry,
    currentRegistriesConf,
    followRemoved,
    forecastNodeEffect,
    isPausedFor,
    oldObjectKey,
    parseCopies,
    planOldObjects,
    readExistingCluster,
    resolvePull,
    rulesToBe,
    sourcesOf,
    surveyCluster,
} from "../../lib/openshift";
import { readPools } from "../../lib/openshift/rollout/check-nodes";
import { pausedPools } from "../../lib/openshift/rollout/pool-rollout";
import { type PoolRules, readPoolRules } from "../../lib/openshift/rollout/pool-rules";
import type { MachineConfigPool } from "../../lib/openshift/rollout/rollout-objects";
import { type CoveredImage, isAccepted } from "../../lib/passthrough";
import { type CoverageOptions, lookUpImages } from "../cluster-coverage/assess";
import type { RegistryContext } from "../registry/registry-process";
import type { ClusterOldRulesInputs } from "./kind";

/** Why something may not be done yet. */
export interface Obstacle {
    /** A sentence without its full stop. */
    readonly problem: string;
    readonly fix: string;
}

export interface OldRulesAssessment {
    readonly plan: OldObjectPlan;
    /** Ours, as they are written. */
    readonly rules: readonly MirrorObject[];
    readonly pools: readonly MachineConfigPool[];
    /** Pools that an earlier run, which was ended, has left paused. */
    readonly leftPaused: readonly string[];
    /** What is judged: what this run removes; if that is nothing, what may be removed later. */
    readonly judged: readonly LiveObject[];
    /** What is against the removal of what is judged. */
    readonly removal: readonly Obstacle[];
    /** Pulls of what is judged that nothing redirects afterwards, which the site allows. */
    readonly lost: readonly RemovedEntry[];
    /** Pulls of what is judged that rules of others alone redirect afterwards. */
    readonly elsewhere: readonly RemovedEntry[];
    /** What is against the creation of what is to be kept. */
    readonly creation: readonly Obstacle[];
    /** Images in use that only the old objects serve. */
    readonly missing: readonly CoveredImage[];
    /** Absent: nothing is changed, or it is not known what nodes have. */
    readonly effect?: NodeEffect;
}

/** How many sources or images a line names. */
const MAX_NAMES = 5;

/**
 * Reads what becomes of the old objects, and whether it may: nothing is removed of which ours do not serve everything.
 * @param former the copies that state has
 * @throws ClusterError, PassthroughError if the cluster cannot be read. Missing rights to some kinds, and a registry that
 * cannot be asked, are obstacles.
 */
export async function assessOldRules(
    client: ClusterClient,
    inputs: ClusterOldRulesInputs,
    former: string | undefined,
    context: RegistryContext,
    options: CoverageOptions & { readonly isPreview?: boolean } = {},
): Promise<OldRulesAssessment> {
    const rules = parseBoundedJson(inputs.rules) as readonly MirrorObject[];
    const existing = await readExistingCluster(client);
    const pools = await readPools(client);
    const plan = planOldObjects(existing, inputs.stages, parseCopies(former));
    const judged = plan.remove.length > 0 ? plan.remove : [...plan.kept, ...plan.copyFirst];
    const after = afterChange(existing, { remove: judged, create: plan.create });
    const conf = rulesToBe(after, { objects: rules, version: inputs.version });
    const removed = followRemoved(judged, conf);
    // What an `up` removes, it removes after it has waited for the nodes.
    const found = options.isPreview === true ? [] : await readPoolRules(client, rules);
    const nodes = nodeObstacles(found, pools, inputs);
    const conflicts = (changed: ExistingCluster): Obstacle[] =>
        surveyCluster(changed, { objects: rules, version: inputs.version }).refusals.map(
            ({ object, problem, fix }) => ({ problem: `${object}: ${problem}`, fix }),
        );
    const { missing, obstacles: images } =
        judged.length === 0 || !inputs.check
            ? NOTHING_MISSING
            : await findMissing({ client, existing, judged, rules: conf }, inputs, context, options);
    const effect = isChanging(plan) ? forecast(existing, afterChange(existing, plan), rules) : undefined;
    return {
        plan,
        rules,
        pools,
        leftPaused: pools.filter((pool) => isPausedFor(pool, inputs.owner)).map(({ metadata }) => metadata.name),
        judged,
        removal: [...(inputs.allowRemoval ? [] : unservedObstacles(removed)), ...conflicts(after), ...nodes, ...images],
        lost: inputs.allowRemoval ? removed.filter(({ rule }) => rule === undefined) : [],
        elsewhere: removed.filter(({ rule }) => rule !== undefined && !sourcesOf(rules).includes(rule)),
        creation: [...conflicts(afterChange(existing, plan)), ...nodes],
        missing,
        ...(effect === undefined ? {} : { effect }),
    };
}

/** True if objects are removed or created. */
export function isChanging({ remove, create }: OldObjectPlan): boolean {
    return remove.length + create.length > 0;
}

function afterChange(
    existing: ExistingCluster,
    { remove, create }: Pick<OldObjectPlan, "remove" | "create">,
): ExistingCluster {
    const gone = new Set(remove.map(oldObjectKey));
    const left = existing.objects.filter((object) => !gone.has(oldObjectKey(object)));
    return { ...existing, objects: [...left, ...create] };
}

function forecast(
    existing: ExistingCluster,
    after: ExistingCluster,
    objects: readonly MirrorObject[],
): NodeEffect | undefined {
    const before = currentRegistriesConf(existing);
    if (before === undefined) return undefined;
    const registriesConf = rulesToBe(after, { objects });
    return forecastNodeEffect({ registriesConf: before }, { registriesConf }, existing.version);
}

function unservedObstacles(removed: readonly RemovedEntry[]): Obstacle[] {
    const entries = removed.filter(({ rule }) => rule === undefined);
    if (entries.length === 0) return [];
    return [
        {
            problem: `nothing else redirects pulls of ${describeEntries(entries)}`,
            fix:
                "remove all objects with these sources in the same run, add images of them to the content, which makes rules " +
                "for their hosts, or set cluster.allowRemoval: true",
        },
    ];
}

/** "quay.io/org by digest (ImageDigestMirrorSet idms-generic-0)" */
export function describeEntries(entries: readonly RemovedEntry[]): string {
    const names = entries.map(({ source, form, object }) => `${source} by ${form} (${object})`);
    return listed([...new Set(names)], MAX_NAMES);
}

function nodeObstacles(
    found: readonly PoolRules[],
    pools: readonly MachineConfigPool[],
    { owner }: Pick<ClusterOldRulesInputs, "owner">,
): Obstacle[] {
    const own = new Set(pools.filter((pool) => isPausedFor(pool, owner)).map(({ metadata }) => metadata.name));
    const paused = pausedPools(pools.filter(({ metadata }) => !own.has(metadata.name)));
    const behind = found.filter(({ pool, lacking, isRolledOut }) => {
        // Such a pool is between the old rules and the new ones: that is what is to be completed.
        return lacking.length > 0 || (!isRolledOut && !own.has(pool));
    });
    return [
        ...(paused.state === "failed" ? [{ problem: paused.problem, fix: paused.fix }] : []),
        ...(behind.length === 0
            ? []
            : [
                  {
                      problem: `not every node of ${behind.map(({ pool }) => `pool ${pool}`).join(" and ")} has our rules yet`,
                      fix: "run up again when the pools are up to date: oc get machineconfigpools",
                  },
              ]),
    ];
}

const NOTHING_MISSING = { missing: [], obstacles: [] } as const;

interface Removal {
    readonly client: ClusterClient;
    readonly existing: ExistingCluster;
    readonly judged: readonly LiveObject[];
    /** What nodes have afterwards. */
    readonly rules: RegistriesConf;
}

/** Images in use whose pulls follow the old objects now, and would not find them at the mirror without these. */
async function findMissing(
    { client, existing, judged, rules }: Removal,
    inputs: ClusterOldRulesInputs,
    context: RegistryContext,
    options: CoverageOptions,
): Promise<{ readonly missing: readonly CoveredImage[]; readonly obstacles: readonly Obstacle[] }> {
    const { named, images } = await lookUpImages({ client, rules }, inputs, context, options);
    const [unread] = named.problems;
    const lacking = images
        .filter(({ isSample }) => isSample !== true)
        .filter((image) => !isAccepted(image, inputs.accept))
        .filter(followsAny(existing, sourcesOf(judged)));
    const missing = lacking.filter(({ state }) => state === "missing");
    const unknown = lacking.filter(({ state }) => state === "unknown");
    const reason = unread ?? unknown[0]?.problem;
    return {
        missing,
        obstacles: [
            ...(missing.length === 0
                ? []
                : [
                      {
                          problem: `the mirror lacks ${counted(missing.length, "image")} in use that only they redirect`,
                          fix: "add them to the image set, or accept in cluster.coverage.accept that no node can pull them",
                      },
                  ]),
            ...(reason === undefined
                ? []
                : [
                      {
                          problem: `it is not known whether the mirror has all images in use (${formatWithoutFix(reason)})`,
                          fix: reason.fix ?? "run up again",
                      },
                  ]),
        ],
    };
}

/** True for images whose pulls follow the rule of one of these sources on nodes as they are. */
function followsAny(existing: ExistingCluster, sources: readonly string[]): (image: CoveredImage) => boolean {
    const conf = currentRegistriesConf(existing);
    return ({ state, reference }) => {
        if (state !== "missing" && state !== "unknown") return false;
        if (conf === undefined || reference === undefined) return true;
        const { rule } = resolvePull(conf, parseReference(reference));
        return rule !== undefined && sources.includes(rule);
    };
}
