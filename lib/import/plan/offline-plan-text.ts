import { MAX_NAMES } from "../../errors/format";
import type { NamedImage, OfflinePlan } from "./offline-plan";
import { counted, firstLines, formatBytes } from "../../errors/text";

/** A heading and what it counts, by name. */
export interface PlanLines {
    readonly title: string;
    readonly lines: readonly string[];
}

/** The offline plan for people, one block for each set and each kind of change that there is. */
export function offlinePlanLines(plan: OfflinePlan): PlanLines[] {
    return [...setLines(plan, true), ...removalLines(plan)];
}

/** The same of a plan of one set that is not named; what becomes of removed images is left to the plan of all sets. */
export function singleSetLines(plan: OfflinePlan): PlanLines[] {
    const removed = plan.going.map(({ image }) => `- ${image}`);
    return [...setLines(plan, false), ...nonEmpty([block(`${counted(removed.length, "image")} to remove`, removed)])];
}

function setLines(plan: OfflinePlan, sayNames: boolean): PlanLines[] {
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
                `${set}${counted(changing.length, "image")} to change${coming.length === 0 ? most : ""}`,
                changing.map(({ image, before, after }) => `~ ${image} ${before} -> ${after}`),
            ),
        ];
    });
    return nonEmpty(blocks);
}

/** The images that no set lists any more. */
export function removalLines({ going, onRemove }: OfflinePlan): PlanLines[] {
    const [kept, deleted] = going.length === 1 ? ["it stays", "it is"] : ["they stay", "they are"];
    const fate =
        onRemove === "keep"
            ? `${kept} in the registry`
            : `${deleted} deleted from the registry, unless something there still needs ${going.length === 1 ? "it" : "them"}`;
    const lines = going.map(({ image }) => `- ${image}`);
    return nonEmpty([block(`${counted(going.length, "image")} to remove from every set; ${fate}`, lines)]);
}

/**
 * All sets in one line, the same in a preview, a plan and a comment: "3 to add, 0 to change, 1 to remove; 1 image will be
 * DELETED from the registry; at most 1.20 GB".
 */
export function planHeadline({ totals, going, bytes }: OfflinePlan): string {
    const { coming, changing, deleting } = totals;
    const deletion = deleting === 0 ? "" : `; ${counted(deleting, "image")} will be DELETED from the registry`;
    const most = bytes === undefined || coming + changing === 0 ? "" : `; at most ${formatBytes(bytes)}`;
    return `${coming} to add, ${changing} to change, ${going.length} to remove${deletion}${most}`;
}

/** How images of several sets are counted in the headline; nothing where there are none. */
export function sharedImagesNote({ totals: { shared } }: OfflinePlan): string | undefined {
    return shared === 0 ? undefined : `in several sets, and counted once: ${counted(shared, "image")}`;
}

function nonEmpty(blocks: readonly PlanLines[]): PlanLines[] {
    return blocks.filter(({ lines }) => lines.length > 0);
}

function block(title: string, lines: readonly string[]): PlanLines {
    return { title, lines: firstLines(lines, MAX_NAMES) };
}

/** A source that is named by its digest says it once. */
function shown({ image, digest }: NamedImage): string {
    return image.includes("@") ? image : `${image} ${digest}`;
}
