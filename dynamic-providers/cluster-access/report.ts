import { counted, listed } from "../../lib/errors/text";
import { clusterError, clusterLine } from "../cluster/cluster-name";
import { poolSizes } from "../cluster/pool-sizes";
import type { ResourceLog } from "../lifecycle/engine";
import { describeNodeEffect, listEntries, objectLabel, oldObjectKey } from "../../lib/openshift";
import type { Assessment } from "./assess";
import type { ClusterAccessInputs } from "./kind";

type Cluster = Pick<ClusterAccessInputs, "cluster">;

/** How many reasons a line names. */
const MAX_REASONS = 3;
/** How many sources a line names. */
const MAX_SOURCES = 5;

/** Logs what the mirror rules do to the nodes of each pool, what waits, and what people should know. */
export function logAssessment(found: Assessment, inputs: Cluster, log: ResourceLog): void {
    for (const line of [...effectLines(found), ...waitingLines(found), ...unnamedLines(found)])
        log.line("info", clusterLine(inputs, line));
    const warnings = [
        ...(found.singleForm.length === 0 ? [] : [singleFormLine(found)]),
        ...(found.lone.length === 0 ? [] : [loneLine(found)]),
        ...leftLines(found),
        ...found.warnings.map(({ object, problem, fix }) => `${object}: ${problem}; ${fix}`),
    ];
    for (const warning of warnings) log.line("warning", clusterLine(inputs, warning));
}

function effectLines({ effect, pools, newlyForbidden }: Assessment): string[] {
    if (effect === undefined || effect.reasons.length === 0) return [];
    const condition = newlyForbidden.length === 0 ? "" : ", if no image in use is missing";
    return [
        `mirror rules${condition}: ${describeNodeEffect(effect)} (${poolSizes(pools)}); ${listed(effect.reasons, MAX_REASONS)}`,
    ];
}

/** Left by a run that was killed between the two writes, or by somebody else. */
function loneLine({ lone }: Assessment): string {
    const sources = listed(
        lone.map(({ source }) => source),
        MAX_SOURCES,
    );
    return (
        `only one of the two mirror objects forbids the upstream of ${sources}: pulls fail, or the operator renders no ` +
        "rules at all; this `up` allows it in both"
    );
}

/** As after a state that was lost, or restored from an older backup. */
function leftLines({ left }: Assessment): string[] {
    return left.map(
        (object) =>
            `${objectLabel(object)} is of this stack, which neither wants it nor has it in its state: it stays, and its rules ` +
            `stay in force for ${listed([...new Set(listEntries(object).map(({ source }) => source))], MAX_SOURCES)}; when no node ` +
            `needs them: oc delete ${object.kind.toLowerCase()}/${object.metadata.name}`,
    );
}

/** Rules that were there before, and the key by which ours replace them. */
function unnamedLines({ unnamed, unnamedSources }: Assessment): string[] {
    if (unnamed.length === 0) return [];
    const keys = unnamed.map((object) => `${oldObjectKey(object)}: keep`);
    return [
        `${counted(unnamed.length, "mirror object")} of others ${unnamed.length === 1 ? "redirects" : "redirect"} ` +
            `${counted(unnamedSources.length, "source")} that our rules are for too, and stay in force beside them; to replace ` +
            `them without a gap (docs/how-to/migrate.md): cluster.oldRules: {${listed(keys, MAX_SOURCES)}}`,
    ];
}

function singleFormLine({ singleForm }: Assessment): string {
    return (
        `contactSource: never does not apply to ${listed(singleForm, MAX_SOURCES)}: the content has its images by tag only, or ` +
        "by digest only, and pulls of the other form would fail; its upstream stays allowed"
    );
}

function waitingLines({ waiting }: Assessment): string[] {
    if (waiting.length === 0) return [];
    const reasons = new Map<string, string[]>();
    for (const { source, reason } of waiting) reasons.set(reason, [...(reasons.get(reason) ?? []), source]);
    const groups = [...reasons].map(([reason, sources]) => `${listed(sources, MAX_SOURCES)} (${reason})`);
    return [
        "contactSource: never takes effect with a later `up`, once every node has the rules; until then the upstream stays " +
            `allowed for ${groups.join("; ")}`,
    ];
}

/** @throws PassthroughError with all that is against writing to the cluster */
export function refuse({ refusals }: Assessment, inputs: Cluster): void {
    const [first] = refusals;
    if (first === undefined) return;
    if (refusals.length === 1) {
        const { code, object: thing, problem, fix } = first;
        throw clusterError(inputs, problem, { code, thing, fix });
    }
    throw clusterError(inputs, `${counted(refusals.length, "problem")}; nothing was written to it`, {
        code: first.code,
        problems: refusals.map(({ object, ...problem }) => ({ name: object, kind: "object", problem })),
    });
}
