import { counted, formatBytes } from "../../lib/errors/text";
import {
    type ImportPlan,
    type Payload,
    type PlannedImage,
    RegistryOutlook,
    blockedLines,
    planImport,
    planSummary,
    plannedImages,
} from "../../lib/import";
import { readLockedSet, refusesSparseIndexes } from "../../lib/passthrough";
import { EXIT_FAILED, EXIT_OK } from "../exit-codes";
import { findAccount } from "../accounts/credentials";
import { interruptible } from "../terminal/interruption";
import { hideSecretsInJson, print, printDiagnostic, withoutSecrets } from "../terminal/output";
import { accountSources } from "../accounts/site-account";
import { withSiteRegistry } from "../accounts/site-registry";
import { type StackSelection, readStackSite, stackName } from "../stack/stack-file";

/** The plan of one set. */
interface SetPlan {
    readonly name: string;
    readonly plan: ImportPlan;
    readonly images: readonly PlannedImage[];
}

/**
 * Asks the registry what an import of the stack's sets would do, and prints the plan. A later set is planned as if the
 * sets before it were imported.
 * @returns "changes" if there is something to do
 */
export async function runOnlinePlan(
    selection: StackSelection,
    authfile: string | undefined,
    asJson: boolean,
): Promise<"changes" | typeof EXIT_OK | typeof EXIT_FAILED> {
    const site = readStackSite(selection);
    const account = await findAccount("importer", accountSources(selection, site, authfile, { readsOnly: true }));
    const sets = await interruptible((signal) =>
        withSiteRegistry(site, account, signal, async (client, base) => {
            const outlook = new RegistryOutlook(client);
            const plans: SetPlan[] = [];
            for (const { name, archive, lock, lockDigest, images } of site.content) {
                const set = await readLockedSet(archive, lock, lockDigest);
                const refusesSparse = await refusesSparseIndexes(client, site.registry.type, set.lock);
                const request = { images, set: set.lock, base, refusesSparseIndexes: refusesSparse };
                const plan = await planImport(outlook, request);
                outlook.expect(plan, set.lock);
                plans.push({ name, plan, images: plannedImages(plan) });
            }
            return plans;
        }),
    );
    const report = { stack: stackName(selection), ...jsonReport(site.registry.mirrorBase, sets) };
    if (asJson) print(JSON.stringify(report, hideSecretsInJson));
    else for (const set of sets) printSet(set);
    if (sets.length === 0) printDiagnostic("the stack's site.content lists no set: there is nothing to import");
    if (sets.some(({ plan }) => plan.problems.length > 0)) return EXIT_FAILED;
    return sets.some(({ plan }) => plan.push.length > 0) ? "changes" : EXIT_OK;
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
