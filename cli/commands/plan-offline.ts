import { counted } from "../../lib/errors/text";
import { readLock } from "../../lib/lock";
import { type OfflinePlan, isEmptyPlan, offlinePlanLines, planOffline, planTotalsLine } from "../../lib/import";
import { EXIT_OK } from "../exit-codes";
import { type ImportedImages, readImportedFiles, readImportedState } from "../stack/imported-images";
import { print, printDiagnostic } from "../terminal/output";
import { planMarkdown } from "./plan-markdown";
import { type StackSelection, readStackSite, stackName } from "../stack/stack-file";

/**
 * Plans the sets of a stack without network, and prints the plan.
 * @param against files with what was imported last; absent: the stack's state
 * @returns "changes" if there is something to do
 */
export async function runOfflinePlan(
    selection: StackSelection,
    against: readonly string[] | undefined,
    format: "text" | "json" | "markdown",
): Promise<"changes" | typeof EXIT_OK> {
    const { content, onRemove } = readStackSite(selection);
    const imported =
        against === undefined ? await readImportedState(selection.stack) : readImportedFiles(against, selection.stack);
    const sets = await Promise.all(
        content.map(async ({ name, lock, images, earlier }) => ({
            name,
            images,
            earlier,
            facts: await readLock(lock),
        })),
    );
    const plan = planOffline(sets, imported.images, onRemove);
    if (imported.note !== undefined) printDiagnostic(`note: ${imported.note}`);
    const stack = stackName(selection);
    switch (format) {
        case "json":
            print(JSON.stringify({ stack, against: imported.source, ...withNote(imported), ...plan }));
            break;
        case "markdown":
            print(planMarkdown(plan, stack, imported).trimEnd());
            break;
        case "text":
            printText(plan, imported);
    }
    return isEmptyPlan(plan) ? EXIT_OK : "changes";
}

function withNote({ note }: ImportedImages): { note?: string } {
    return note === undefined ? {} : { note };
}

function printText(plan: OfflinePlan, imported: ImportedImages): void {
    for (const { title, lines } of offlinePlanLines(plan)) print([title, ...lines].join("\n    "));
    const totals = planTotalsLine(plan);
    if (totals !== undefined) print(totals);
    const { unchanged } = plan.totals;
    print(`${counted(unchanged, "image")} unchanged, compared with ${imported.source}`);
}
