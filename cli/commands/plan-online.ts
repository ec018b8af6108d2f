import { mapLimited } from "../../lib/concurrency/limiter";
import type { RegistryClient } from "../../lib/distribution/client/registry-client";
import { MAX_NAMES } from "../../lib/errors/format";
import { type UnsignedRelease, runnableDigests, unsignedReleaseNotes, unsignedReleases } from "../../lib/openshift";
import { registryAdmin } from "../../lib/registries";
import { type Site, allImages, mergeFacts } from "../../lib/site";
import { counted, firstLines, formatBytes } from "../../lib/errors/text";
import {
    type ImportPlan,
    type Payload,
    type PlannedImage,
    RegistryOutlook,
    blockedLines,
    imageCodes,
    planSummary,
    plannedImages,
} from "../../lib/import";
import { type LockedSet, compareWithArchive, findUnsignedReleases, planLockedSet } from "../../lib/passthrough";
import { EXIT_OK, EXIT_REFUSED } from "../exit-codes";
import { failureExitCode } from "../failure-exit-code";
import { findAccount } from "../accounts/credentials";
import { interruptible } from "../terminal/interruption";
import { hideSecretsInJson, print, printDiagnostic, withoutSecrets } from "../terminal/output";
import { readConnectedSite } from "../accounts/connected-site";
import { accountSources } from "../accounts/site-account";
import { withSiteRegistry } from "../accounts/site-registry";
import { type StackSelection, stackName } from "../stack/stack-file";

/** The plan of one set. */
interface SetPlan {
    readonly name: string;
    readonly plan: ImportPlan;
    readonly images: readonly PlannedImage[];
    readonly lock: LockedSet["lock"];
}

/**
 * Asks the registry what an import of the stack's sets would do, and prints the plan. A later set is planned as if the
 * sets before it were imported.
 * @returns "changes" if there is something to do; `EXIT_REFUSED` if nodes will refuse a release that it brings
 */
export async function runOnlinePlan(
    selection: StackSelection,
    authfile: string | undefined,
    asJson: boolean,
): Promise<number | "changes"> {
    const site = await readConnectedSite(selection);
    const account = await findAccount("importer", accountSources(selection, site, authfile, { readsOnly: true }));
    const { sets, unknown, unsigned } = await interruptible((signal) =>
        withSiteRegistry(site, account, signal, async (client, base) => {
            const outlook = new RegistryOutlook(client);
            const plans: SetPlan[] = [];
            const options = { base, kind: site.registry.type, questions: outlook };
            for (const content of site.content) {
                const { set, plan } = await planLockedSet(client, content, options);
                const warn = (warning: string) => printDiagnostic(`warning: ${content.name}: ${warning}`);
                // Where it is elsewhere, the import compares.
                if (content.at === undefined) await compareWithArchive(plan, set, warn, signal);
                outlook.expect(plan, set.lock);
                plans.push({ name: content.name, plan, images: plannedImages(plan), lock: set.lock });
            }
            const unknown = await unknownRepositories(client, site, plans);
            const runnable = runnableDigests(plans.map(({ lock }) => lock));
            const lacking = unsignedReleases(mergeFacts(site.content), allImages(site.content), runnable);
            const unsigned = await findUnsignedReleases(client, base, lacking, runnable);
            signal.throwIfAborted();
            return { sets: plans, unknown, unsigned };
        }),
    );
    const { mirrorBase } = site.registry;
    const refused = unsigned.filter((release) => !isPresent(release, sets));
    const report = {
        ...{ stack: stackName(selection), ...jsonReport(mirrorBase, sets), unknownRepositories: unknown },
        refusedReleases: refused,
    };
    if (asJson) print(JSON.stringify(report, hideSecretsInJson));
    else for (const set of sets) printSet(set);
    if (unknown.length > 0) printDiagnostic(unknownNote(unknown));
    const known = unsigned.filter((release) => !refused.includes(release));
    for (const note of unsignedReleaseNotes(known)) printDiagnostic(`note: ${note}`);
    for (const refusal of unsignedReleaseNotes(refused)) printDiagnostic(`error: ${refusal}`);
    if (sets.length === 0) printDiagnostic("the stack's site.content lists no set: there is nothing to import");
    const blocked = sets.flatMap(({ plan }) => plan.problems);
    if (blocked.length > 0) return failureExitCode(imageCodes(blocked));
    if (refused.length > 0) return EXIT_REFUSED;
    return sets.some(({ plan }) => plan.push.length > 0) ? "changes" : EXIT_OK;
}

/** A release that the registry has already, without a signature, is no fault of this plan. */
function isPresent({ image }: UnsignedRelease, sets: readonly SetPlan[]): boolean {
    const planned = sets.flatMap(({ images }) => images).filter(({ source }) => source === image);
    return planned.length > 0 && planned.every(({ state }) => state === "present");
}

const AT_ONCE = 16;

/**
 * Repositories to push to that the registry says it does not know. Most registries create them with the first push; which
 * do is known only when an upload begins, and a plan begins none.
 */
async function unknownRepositories(client: RegistryClient, site: Site, sets: readonly SetPlan[]): Promise<string[]> {
    if (!registryAdmin(site.registry.type).capabilities.mayNeedRepositories) return [];
    const roots = new Map(sets.flatMap(({ plan }) => plan.push.map(({ task }) => [task.repository, task.digest])));
    const found = await mapLimited([...roots], AT_ONCE, async ([repository, digest]) => {
        return (await client.probe.knowsRepository(repository, digest).catch(() => true)) ? [] : [repository];
    });
    return found.flat().sort();
}

function unknownNote(repositories: readonly string[]): string {
    const which = counted(repositories.length, "repository", "repositories");
    const note =
        `note: the registry does not know ${which} that the images go to; if it creates none with the first push, as ECR, ` +
        "create them first (plan --repositories prints the names):";
    return [note, ...firstLines(repositories, MAX_NAMES)].join("\n    ");
}

function jsonReport(mirrorBase: string, sets: readonly SetPlan[]): object {
    const sum = (of: keyof Payload) => sets.reduce((total, { plan }) => total + plan[of], 0);
    return {
        mirrorBase,
        sets: sets.map(({ name, plan: { bytes, uploads, mounts }, images }) => {
            return { name, images, bytes, uploads, mounts };
        }),
        bytes: sum("bytes"),
        uploads: sum("uploads"),
        mounts: sum("mounts"),
    };
}

function printSet({ name, plan, images }: SetPlan): void {
    print(`${name}: ${planSummary(plan)}`);
    for (const image of images) if (image.state !== "blocked") print(`    ${formatImage(image)}`);
    for (const line of blockedLines(plan)) print(`    ${withoutSecrets(line)}`);
}

function formatImage({ source, state, uploads, mounts, bytes, movedFrom }: PlannedImage): string {
    const moves = movedFrom === undefined ? "" : `; its tag moves from ${movedFrom}`;
    if (state === "present") return `= ${source}: present`;
    if (state === "tag-only") return `t ${source}: tag only${moves}`;
    return `+ ${source}: push, ${counted(uploads, "blob")} to upload, ${mounts} to mount, ${formatBytes(bytes)}${moves}`;
}
