import { MAX_NAMES } from "../errors/format";
import { counted, firstLines } from "../errors/text";
import { type ClusterChange, type NamedChange, isSameCluster } from "./cluster-change";
import { describeNodeEffect } from "./rules/node-effect";

/** A heading with the lines below it. */
export interface ChangeLines {
    readonly title: string;
    readonly lines: readonly string[];
}

const SIGNS = { added: "+", removed: "-", changed: "~" } as const;

/** What changes for clusters, one block for each kind of change that there is; at most `MAX_NAMES` lines each. */
export function clusterChangeLines(change: ClusterChange): ChangeLines[] {
    if (isSameCluster(change)) return [];
    const { sources, objects, effect, version } = change;
    const nodes = describeNodeEffect(effect);
    return [
        ...(sources.length === 0 ? [] : [block(`mirror rules: ${countChanges(sources, "source")}; ${nodes}`, sources)]),
        ...(objects.length === 0 ? [] : [block(`objects for clusters: ${countChanges(objects, "object")}`, objects)]),
        ...(version === undefined ? [] : [{ title: `cluster version: ${version}`, lines: [] }]),
    ];
}

/** "mirror rules: 2 sources to change; nodes drain and reload CRI-O, one after the other", for a headline. */
export function clusterHeadline(change: ClusterChange): string {
    const { sources, objects, effect, version } = change;
    if (isSameCluster(change)) return "no change for clusters";
    if (sources.length > 0) return `mirror rules: ${countChanges(sources, "source")}; ${describeNodeEffect(effect)}`;
    if (objects.length > 0) return `objects for clusters: ${countChanges(objects, "object")}`;
    return `cluster version: ${version ?? ""}`;
}

function block(title: string, changes: readonly NamedChange[]): ChangeLines {
    const lines = changes.map(
        ({ change, name, detail }) => `${SIGNS[change]} ${name}${detail === undefined ? "" : `: ${detail}`}`,
    );
    return { title, lines: firstLines(lines, MAX_NAMES) };
}

/** "2 sources to add, 1 to change". */
function countChanges(changes: readonly NamedChange[], noun: string): string {
    const verbs = { added: "to add", changed: "to change", removed: "to remove" } as const;
    const parts = (["added", "changed", "removed"] as const).flatMap((kind) => {
        const count = changes.filter(({ change }) => change === kind).length;
        return count === 0 ? [] : [[count, verbs[kind]] as const];
    });
    return parts.map(([count, verb], i) => `${i === 0 ? counted(count, noun) : count} ${verb}`).join(", ");
}
