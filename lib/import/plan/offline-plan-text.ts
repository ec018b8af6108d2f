import { MAX_NAMES } from "../../errors/format";
import type { NamedImage, OfflinePlan } from "./offline-plan";
import { counted, firstLines, formatBytes } from "../../errors/text";

/** A heading and what it counts, by name. */
export interface PlanLines {
    readonly title: string;
    readonly lines: readonly string[];
}

/**
 * The offline plan for people, one block for each set and each kind of change that there is.
 * @param sayNames false where only one set is spoken of
 */
export function offlinePlanLines(plan: OfflinePlan, sayNames = true): PlanLines[] {
    const { onRemove } = plan;
    const blocks = plan.sets.flatMap(({ name, coming, changing, bytes }) => {
        const set = sayNames ? `${name}: ` : "";
        const most = bytes === undefined ? "" : `, at most ${formatBytes(bytes)}`;
        return [
            // Images that change count in the bytes too.
            block(
                `${set}${counted(coming.length, "image")} to add${most}`,
                coming.map((image) => `+ ${shown(image)}`),
            ),
            block(
                `${set}${counted(changing.length, "image")} to change${coming.length === 0 ? most : ""}${onRemove === "delete" ? REPLACED : ""}`,
                changing.map(({ image, before, after }) => `~ ${image} ${before} -> ${after}`),
            ),
        ];
    });
    const place = sayNames ? "every set" : "the set";
    const [kept, deleted] = plan.going.length === 1 ? ["it stays", "it is"] : ["they stay", "they are"];
    const fate = onRemove === "keep" ? `${kept} in the registry` : `${deleted} ${DELETED}`;
    const going = block(
        `${counted(plan.going.length, "image")} to remove from ${place}; ${fate}`,
        plan.going.map(({ image }) => `- ${image}`),
    );
    return [...blocks, going].filter(({ lines }) => lines.length > 0);
}

/** All sets in one line; nothing where a single set says it all. */
export function planTotalsLine({ sets, totals, bytes }: OfflinePlan): string | undefined {
    const { coming, changing, shared } = totals;
    if (sets.length < 2 || coming + changing === 0) return undefined;
    const most = bytes === undefined ? "" : `, at most ${formatBytes(bytes)}`;
    const once =
        shared === 0
            ? ""
            : `; ${counted(shared, "image")} that several sets hold ${shared === 1 ? "counts" : "count"} once`;
    return `all sets: ${counted(coming, "image")} to add, ${changing} to change${most}${once}`;
}

const DELETED = "deleted from the registry, unless still in use there";
const REPLACED = `; what was there before is ${DELETED}`;

function block(title: string, lines: readonly string[]): PlanLines {
    return { title, lines: firstLines(lines, MAX_NAMES) };
}

/** A source that is named by its digest says it once. */
function shown({ image, digest }: NamedImage): string {
    return image.includes("@") ? image : `${image} ${digest}`;
}
