import { errorMessage } from "../../lib/errors/errors";
import { createReport } from "../report/create-report";
import { reportJunit } from "../report/report-junit";
import { headline, reportMarkdown } from "../report/report-markdown";
import type { SiteReport } from "../report/site-report";
import { EXIT_FAILED, EXIT_OK, EXIT_UNKNOWN } from "../exit-codes";
import { importedByState } from "../stack/imported-images";
import { stackRuns, requireMirrorBase, stackState } from "../stack/pulumi-stack";
import { readRecordedStack } from "../stack/recorded-stack";
import { selectedStack } from "../stack/selected-stack";
import { readStackSite, stackName } from "../stack/stack-file";
import { stackLock } from "../stack/stack-runs";
import { print, printDiagnostic } from "../terminal/output";
import { replaceFiles } from "./replace-file";

export interface ReportOptions {
    readonly stack?: string;
    readonly configFile?: string;
    readonly json?: boolean;
    readonly junit?: boolean;
    readonly full?: boolean;
    readonly out?: string;
}

/**
 * Prints or writes what was proven of a stack's site, from its state, its history and the lock files. Asks neither the
 * registry nor a cluster, and never for secrets.
 */
export async function runReport(options: ReportOptions): Promise<number> {
    try {
        return await report(options);
    } catch (error) {
        // Not the code of a failure: that says that something is not proven.
        printDiagnostic(`passthrough: ${errorMessage(error)}`);
        return EXIT_UNKNOWN;
    }
}

async function report({ stack: named, configFile: file, out, ...form }: ReportOptions): Promise<number> {
    const found = await readReport(selectedStack(named), file);
    if (out === undefined) print(formatReport(found, form));
    else print(`written: ${(await replaceFiles(out, reportFiles(found, form))).join(", ")}`);
    if (out !== undefined || found.verdict !== "proven") printDiagnostic(`${found.stack}: ${headline(found)}`);
    return found.verdict === "proven" ? EXIT_OK : EXIT_FAILED;
}

async function readReport(stack: string, file: string | undefined): Promise<SiteReport> {
    const site = readStackSite({ stack, file });
    const [state, runs] = await Promise.all([stackState(stack), stackRuns(stack)]);
    const recorded = readRecordedStack(state, stack);
    const name = stackName({ stack });
    const outputs = recorded.resources.find(({ kind }) => kind === "Stack")?.outputs ?? {};
    requireMirrorBase(stack, outputs, site.registry.mirrorBase);
    const lock = stackLock(process.env.PULUMI_BACKEND_URL, recorded.project, name);
    return createReport({ stack: name, site, recorded, imported: importedByState(state, name), runs, lock });
}

type Form = Pick<ReportOptions, "json" | "junit" | "full">;

function formatReport(report: SiteReport, { json, junit, full = false }: Form): string {
    if (json === true) return JSON.stringify(report);
    if (junit === true) return reportJunit(report).trimEnd();
    return reportMarkdown(report, { isFull: full }).trimEnd();
}

/** File name -> content: every form of it. */
function reportFiles(report: SiteReport, { full }: Form): Record<string, string> {
    return {
        "report.md": `${formatReport(report, full === undefined ? {} : { full })}\n`,
        "report.json": `${formatReport(report, { json: true })}\n`,
        "report.junit.xml": `${formatReport(report, { junit: true })}\n`,
    };
}
