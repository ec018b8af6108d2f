import { once } from "../../lib/concurrency/once";
import { bounded, oneLine } from "../../lib/errors/text";
import { isEmptyPlan, planHeadline } from "../../lib/import";
import { type Lock, readLock } from "../../lib/lock";
import { clusterHeadline, isSameCluster } from "../../lib/openshift";
import { type Site, withClusterName } from "../../lib/site";
import { createOfflineReport } from "../commands/offline-report";
import type { ImportedImages } from "../stack/imported-images";
import type { RecordedStack } from "../stack/recorded-stack";
import type { StackLock, StackRun } from "../stack/stack-runs";
import { imageProblems, imageProofs, unseenProblems } from "./image-proofs";
import { type RecordedImport, type RecordedSite, readRecordedSite } from "./recorded-site";
import { accountProblems, reportAccounts } from "./report-accounts";
import { reportClusters } from "./report-clusters";
import { type NotProven, REPORT_VERSION, type ReportProblem, type ReportSet, type SiteReport } from "./site-report";

/** What a report is made of: all that was found out, and nothing that changes with the time of day. */
export interface ReportSources {
    readonly stack: string;
    readonly site: Site;
    readonly recorded: RecordedStack;
    /** The same state, as `plan` compares it with the configuration. */
    readonly imported: ImportedImages;
    /** The newest first. */
    readonly runs: readonly StackRun[];
    readonly lock: StackLock | undefined;
}

/**
 * What was proven of a site. Pure but for the lock files: the same state gives the same report.
 * @throws PassthroughError `STACK_STATE_UNAVAILABLE`; as `createOfflineReport` does
 */
export async function createReport(sources: ReportSources): Promise<SiteReport> {
    const { stack, site, recorded, runs } = sources;
    const found = readRecordedSite(recorded);
    const images = imageProofs(found);
    const locks = new Map<string, Promise<Lock>>();
    const lockOf = (path: string) => once(locks, path, () => readLock(path));
    const { clusters, problems: ofClusters, notProven } = reportClusters(site.clusters, found);
    const problems = [
        ...runProblems(sources),
        ...resourceProblems(recorded),
        ...(await configurationProblems(sources, found, lockOf)),
        ...unseenProblems(found.imports),
        ...imageProblems(images),
        ...ofClusters,
        ...accountProblems(found),
    ];
    const { type, mirrorBase } = found.access?.registry ?? site.registry;
    const version = found.access?.version;
    return {
        reportVersion: REPORT_VERSION,
        stack,
        recordedAt: recorded.recordedAt,
        verdict: problems.length === 0 ? "proven" : "not proven",
        mirrorBase,
        registry: { type, ...(version === undefined ? {} : { version }) },
        ...(runs[0] === undefined ? {} : { lastRun: runs[0] }),
        problems,
        notProven: [...notProven, ...siteNotProven(site, found)],
        sets: await Promise.all(found.imports.map((set) => reportSet(set, site, lockOf))),
        images,
        clusters,
        accounts: reportAccounts(found, recorded.recordedAt),
    };
}

const RUN_UP = "run `npm run up`";

/** What the engine says of its runs: nothing else counts while one is under way, or after one that failed. */
function runProblems({ stack, recorded, runs, lock }: ReportSources): ReportProblem[] {
    const subject = `stack ${stack}`;
    const found: ReportProblem[] = [];
    if (lock !== undefined) {
        const since = lock.since === undefined ? "" : ` since ${lock.since}`;
        const fix = "wait for it; if it was killed, release the lock: npm run pulumi -- cancel --yes";
        found.push({ subject, problem: `another run holds its lock${since}`, fix });
    }
    // A run that is under way has operations that are not finished, too.
    else if (recorded.pending.length > 0) {
        const problem = `a run has ended in the middle of ${recorded.pending.join(", ")}`;
        found.push({ subject, problem, fix: `${RUN_UP} (docs/how-to/recover.md)` });
    }
    // A refresh that succeeds does not make up for an `up` that failed.
    const failed = new Set([runs[0], runs.find(({ kind }) => kind === "update")]);
    for (const run of failed) {
        if (run === undefined || run.result === "succeeded") continue;
        const problem = `its last ${run.kind === "update" ? "up" : run.kind} has ${run.result}${run.endedAt === undefined ? "" : ` at ${run.endedAt}`}`;
        found.push({ subject, problem, fix: RUN_UP });
    }
    if (recorded.resources.length === 0)
        found.push({ subject, problem: "nothing was ever imported: its state is empty", fix: RUN_UP });
    return found;
}

/** What a refresh or a run has left in the state of any resource. */
function resourceProblems({ resources }: RecordedStack): ReportProblem[] {
    return resources.flatMap(({ kind, name, outputs, initErrors, isLeftOver }) => {
        const problem = (text: string): ReportProblem => ({
            subject: `${kind} ${name}`,
            problem: bounded(oneLine(text)),
            fix: RUN_UP,
        });
        const differences = Array.isArray(outputs.differences) ? outputs.differences.map(String) : [];
        return [
            ...(isLeftOver ? [problem("it was replaced, and is still to be deleted")] : []),
            ...initErrors.map((error) => problem(`it was done in part: ${error}`)),
            ...(outputs.gone === true ? [problem("a refresh found that it no longer exists")] : []),
            ...differences.map((difference) => problem(`a refresh found: ${difference}`)),
        ];
    });
}

/** How the configuration and the lock files here differ from what the state was made with. */
async function configurationProblems(
    { stack, site, imported }: ReportSources,
    { imports }: RecordedSite,
    lockOf: (path: string) => Promise<Lock>,
): Promise<ReportProblem[]> {
    const { plan, clusters = [] } = await createOfflineReport(site, imported, lockOf);
    const changes = [
        ...(isEmptyPlan(plan) ? [] : [`images: ${planHeadline(plan)}`]),
        ...clusters
            .filter((cluster) => !isSameCluster(cluster))
            .map((cluster) => withClusterName(cluster, clusterHeadline(cluster))),
        ...imports
            .filter(({ lock, lockDigest }) =>
                site.content.some((set) => set.lock === lock && set.lockDigest !== lockDigest),
            )
            .map(({ lock }) => `${lock} has another content`),
    ];
    if (imports.length === 0 || changes.length === 0) return [];
    const problem = `the configuration and lock files here are not those of the last up: ${changes.join("; ")}`;
    return [{ subject: `stack ${stack}`, problem, fix: `${RUN_UP}, or report from the revision that was applied` }];
}

async function reportSet(set: RecordedImport, site: Site, lockOf: (path: string) => Promise<Lock>): Promise<ReportSet> {
    const { name, archive, lock, lockDigest, importedAt, images, incomplete } = set;
    const isApplied = site.content.some((content) => content.lock === lock && content.lockDigest === lockDigest);
    return {
        ...{ name, archive, lock, lockDigest },
        ...(importedAt === undefined ? {} : { importedAt }),
        images: Object.keys(images).length,
        incomplete,
        ...(isApplied ? { content: lockContent(await lockOf(lock)) } : {}),
    };
}

function lockContent({ format, manifests, blobs, excluded = {}, absent }: Lock): NonNullable<ReportSet["content"]> {
    const sizes = [...Object.values(manifests).map(({ size }) => size), ...Object.values(blobs)];
    return { format, bytes: sizes.reduce((sum, size) => sum + size, 0), excluded, absent };
}

function siteNotProven({ signatures }: Site, { imports, validations }: RecordedSite): NotProven[] {
    if (imports.length === 0 || validations.some(({ summary }) => summary.signatures !== undefined)) return [];
    const why =
        signatures.length === 0
            ? "site.signatures asks for none, so no run looks"
            : "no run has looked, as it does for clusters of 4.20 and later";
    const reason = `that nodes find and accept them: ${why}; passthrough verify --signatures does`;
    return [{ subject: "signatures of images", reason }];
}
