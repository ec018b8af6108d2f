import { counted, firstLines, listed } from "../../lib/errors/text";
import {
    type MirrorObject,
    type RemovedEntry,
    describeNodeEffect,
    needsOneStep,
    objectLabel,
    oldObjectKey,
    sourcesOf,
} from "../../lib/openshift";
import { imageSetAddition, imageSetLines } from "../../lib/passthrough";
import { imageLine } from "../cluster-coverage/report";
import { clusterError, clusterLine } from "../cluster/cluster-name";
import { poolSizes } from "../cluster/pool-sizes";
import type { ResourceLog } from "../lifecycle/engine";
import { type Obstacle, type OldRulesAssessment, describeEntries, isChanging } from "./assess";
import type { ClusterOldRulesInputs } from "./kind";

type Cluster = Pick<ClusterOldRulesInputs, "cluster">;

/** The objects that an earlier run has removed, by `oldObjectKey`. */
type Removed = Cluster & { readonly removed: readonly string[] };

/** How many objects a line names. */
const MAX_OBJECTS = 5;
/** How many images a message names. */
const MAX_IMAGES = 10;

/** Logs what becomes of the old objects, what nodes do then, and what is against it. */
export function logOldRules(found: OldRulesAssessment, site: Removed, log: ResourceLog): void {
    for (const line of [...planLines(found), ...effectLines(found)]) log.line("info", clusterLine(site, line));
    for (const warning of [...returned(found, site), ...warnings(found)])
        log.line("warning", clusterLine(site, warning));
}

/** Somebody writes again what an earlier run has removed. */
function returned({ plan }: OldRulesAssessment, { removed }: Removed): string[] {
    const back = [...plan.remove, ...plan.copyFirst].filter((object) => removed.includes(oldObjectKey(object)));
    if (back.length === 0) return [];
    const problem = `${describe(back)}: an earlier run has removed it, and somebody has written it again`;
    return [`${problem}; end what writes it, such as a GitOps sync or a job of oc-mirror`];
}

/** What the update does, as state and diffs show it. */
export function describeSteps({ plan, leftPaused }: OldRulesAssessment): string[] {
    const steps = (verb: string, objects: readonly MirrorObject[]) =>
        objects.map((object) => `${verb} ${objectLabel(object)}`);
    return [
        ...plan.create.map(creationStep),
        ...steps("remove", plan.remove),
        ...steps("copy", plan.copyFirst),
        ...leftPaused.map((pool) => `resume pool ${pool}`),
    ];
}

export function creationStep(object: MirrorObject): string {
    return `create ${objectLabel(object)}`;
}

function planLines({ plan, judged, removal, lost, leftPaused }: OldRulesAssessment): string[] {
    const { remove, create, copyFirst, kept } = plan;
    const isJudgedLater = remove.length === 0 && judged.length > 0;
    return [
        ...(create.length === 0 ? [] : [`creates ${describe(create)} again, as state has a copy of`]),
        ...(remove.length === 0 || removal.length > 0
            ? []
            : [`removes ${describe(remove)}, when every node has our rules, which serve all that is in use`]),
        ...(remove.length === 0 || lost.length === 0
            ? []
            : [`nothing redirects pulls of ${describeEntries(lost)} then, as cluster.allowRemoval allows`]),
        ...(copyFirst.length === 0
            ? []
            : [`${describe(copyFirst)}: state gets a copy now, and the next \`up\` removes what is to be removed`]),
        ...(kept.length === 0 ? [] : [`${describe(kept)}: stays beside our rules (cluster.oldRules: keep)`]),
        ...(isJudgedLater && removal.length === 0
            ? ["nothing in use needs the old objects any more: cluster.oldRules: remove removes them"]
            : []),
        ...(leftPaused.length === 0
            ? []
            : [
                  `resumes ${counted(leftPaused.length, "pool")} (${leftPaused.join(", ")}) that a run, which was ended, has paused`,
              ]),
    ];
}

function describe(objects: readonly MirrorObject[]): string {
    return `${listed(objects.map(objectLabel), MAX_OBJECTS)} (${counted(sourcesOf(objects).length, "source")})`;
}

function effectLines({ plan, effect, pools }: OldRulesAssessment): string[] {
    if (!isChanging(plan)) return [];
    return [
        ...(effect === undefined ? [] : [`old mirror rules: ${describeNodeEffect(effect)} (${poolSizes(pools)})`]),
        ...(needsOneStep([...plan.remove, ...plan.create])
            ? ["pools are paused until the operator has rendered all of it: nodes never have only a part"]
            : []),
    ];
}

function warnings(found: OldRulesAssessment): string[] {
    const { plan, removal, creation, missing, elsewhere } = found;
    const isRemoving = plan.remove.length > 0;
    return [
        ...(isRemoving && removal.length > 0
            ? [`${obstacleText(found)}; \`up\` does everything else, and fails then; ${fixes(removal)}`]
            : []),
        ...(plan.create.length > 0 && creation.length > 0
            ? [`the old objects cannot be created again: ${problems(creation)}; ${fixes(creation)}`]
            : []),
        ...(isRemoving || removal.length === 0 || missing.length > 0
            ? []
            : [`the old objects cannot be removed yet: ${problems(removal)}; ${fixes(removal)}`]),
        ...(isRemoving || missing.length === 0 ? [] : [missingText(found)]),
        ...(elsewhere.length === 0
            ? []
            : [
                  `rules of others alone redirect ${elsewhereText(elsewhere)} then; whether their images are there is not looked ` +
                      "at; for images at this mirror, add some of these sources to the content",
              ]),
        ...plan.unknown.map(
            (key) =>
                `cluster.oldRules names ${key}, which the cluster does not have; correct the name, or leave it out`,
        ),
    ];
}

/** "reg.example/a by digest (*.example in ImageDigestMirrorSet corp, to corp.example/x)" */
function elsewhereText(entries: readonly RemovedEntry[]): string {
    const names = entries.map(
        ({ source, form, rule = "", locations }) => `${source} by ${form} (rule ${rule}, to ${locations.join(", ")})`,
    );
    return listed([...new Set(names)], MAX_OBJECTS);
}

/** Images that a later removal would take away, with what to add. */
function missingText({ missing }: OldRulesAssessment): string {
    const lines = firstLines(missing.map(imageLine), MAX_IMAGES).map((line) => `  ${line}`);
    const add = imageSetAddition(missing, undefined);
    return [
        `the old objects cannot be removed yet: nodes find ${counted(missing.length, "image")} in use only through them:`,
        ...lines,
        ...(add.images.length === 0
            ? []
            : [
                  "to add to the image set (ImageSetConfiguration of oc-mirror):",
                  ...firstLines(imageSetLines(add), 2 * MAX_IMAGES).map((line) => `  ${line}`),
              ]),
    ].join("\n    ");
}

function obstacleText({ removal, missing, plan }: OldRulesAssessment): string {
    const images = firstLines(missing.map(imageLine), MAX_IMAGES).map((line) => `\n      ${line}`);
    return `${describe(plan.remove)} cannot be removed: ${problems(removal)}${images.join("")}`;
}

function problems(obstacles: readonly Obstacle[]): string {
    return obstacles.map(({ problem }) => problem).join("; ");
}

function fixes(obstacles: readonly Obstacle[]): string {
    return [...new Set(obstacles.map(({ fix }) => fix))].join("; ");
}

/** @throws PassthroughError `OLD_RULES_IN_USE` if the objects may not be removed or created now */
export function refuseChange(found: OldRulesAssessment, inputs: Cluster): void {
    const { plan, removal, creation } = found;
    if (plan.remove.length > 0 && removal.length > 0) {
        const { missing } = found;
        const isMultiline = missing.length > 0;
        throw clusterError(inputs, obstacleText(found), { code: "OLD_RULES_IN_USE", fix: fixes(removal), isMultiline });
    }
    if (plan.create.length > 0 && creation.length > 0) {
        const problem = `${describe(plan.create)} cannot be created again: ${problems(creation)}`;
        throw clusterError(inputs, problem, { code: "OLD_RULES_IN_USE", fix: fixes(creation) });
    }
}
