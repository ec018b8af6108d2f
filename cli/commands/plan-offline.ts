import { counted } from "../../lib/errors/text";
import { isEmptyPlan, offlinePlanLines, planHeadline, sharedImagesNote } from "../../lib/import";
import { isSameCluster, unsignedReleaseNotes } from "../../lib/openshift";
import { perCluster } from "../../lib/site";
import { EXIT_OK, EXIT_REFUSED } from "../exit-codes";
import { type ImportedImages, readImportedFiles, readImportedState } from "../stack/imported-images";
import { print, printDiagnostic } from "../terminal/output";
import { type NamedClusterChange, type OfflineReport, createOfflineReport, namedChangeLines } from "./offline-report";
import { planMarkdown } from "./plan-markdown";
import { type StackSelection, readStackSite, stackName } from "../stack/stack-file";

/**
 * Plans the sets of a stack without network, and prints the plan, with what changes for clusters.
 * @param against what was imported last; absent: the stack's state
 * @returns "changes" if there is something to do; `EXIT_REFUSED` if nodes will refuse a release that it brings
 */
export async function runOfflinePlan(
    selection: StackSelection,
    against: readonly string[] | undefined,
    format: "text" | "json" | "markdown",
): Promise<"changes" | typeof EXIT_OK | typeof EXIT_REFUSED> {
    const site = readStackSite(selection);
    const imported =
        against === undefined ? await readImportedState(selection.stack) : readImportedFiles(against, selection);
    const report = await createOfflineReport(site, imported);
    const { plan, clusters = [] } = report;
    if (imported.note !== undefined) printDiagnostic(`note: ${imported.note}`);
    const stack = stackName(selection);
    switch (format) {
        case "json":
            print(JSON.stringify(toJson(stack, report, imported)));
            break;
        case "markdown":
            print(planMarkdown(report, stack, imported).trimEnd());
            break;
        case "text":
            printText(report, imported);
    }
    for (const refusal of unsignedReleaseNotes(report.refused)) printDiagnostic(`error: ${refusal}`);
    if (report.refused.length > 0) return EXIT_REFUSED;
    return isEmptyPlan(plan) && clusters.every(isSameCluster) ? EXIT_OK : "changes";
}

function toJson(stack: string, { plan, clusters, refused, notes }: OfflineReport, imported: ImportedImages): object {
    return {
        stack,
        against: imported.source,
        ...(imported.note === undefined ? {} : { note: imported.note }),
        ...plan,
        ...(clusters === undefined ? {} : clustersToJson(clusters)),
        refusedReleases: refused,
        notes,
    };
}

function clustersToJson(clusters: readonly NamedClusterChange[]): object {
    const changes = perCluster(clusters, ({ name: _, ...change }) => change);
    return clusters.every(({ name }) => name === "") ? { cluster: changes } : { clusters: changes };
}

function printText({ plan, clusters, notes }: OfflineReport, imported: ImportedImages): void {
    const blocks = [...offlinePlanLines(plan), ...(clusters ?? []).flatMap(namedChangeLines)];
    for (const { title, lines } of blocks) print([title, ...lines].join("\n    "));
    if (!isEmptyPlan(plan)) print(`images: ${planHeadline(plan)}`);
    const shared = sharedImagesNote(plan);
    if (shared !== undefined) print(shared);
    print(`${counted(plan.totals.unchanged, "image")} unchanged, compared with ${imported.source}`);
    if (clusters === undefined)
        print("mirror rules are not compared: give --against a folder of render, state or outputs");
    for (const note of notes) printDiagnostic(`note: ${note}`);
}
