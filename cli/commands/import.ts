import { counted, formatBytes } from "../../lib/errors/text";
import { type Content, type Site, pushSignatures } from "../../lib/site";
import {
    type ImageProblem,
    type ImportPlan,
    type ImportResult,
    imageCodes,
    journalFolder,
    problemLines,
    progressText,
} from "../../lib/import";
import { PassthroughError } from "../../lib/errors/errors";
import { formatWithoutFix } from "../../lib/errors/format";
import type { MirrorBase } from "../../lib/mirror/mirror-reference";
import type { RegistryClient } from "../../lib/distribution/client/registry-client";
import {
    type ByteStream,
    type CarryOutOptions,
    type LockedSet,
    carryOut,
    carryOutStream,
    movedTags,
    planLockedSet,
    refusedMounts,
} from "../../lib/passthrough";
import { EXIT_OK } from "../exit-codes";
import { failureExitCode } from "../failure-exit-code";
import { findAccount } from "../accounts/credentials";
import { Interrupted, interruptible } from "../terminal/interruption";
import { hideSecretsInJson, print, printDiagnostic, withoutSecrets } from "../terminal/output";
import { readConnectedSite } from "../accounts/connected-site";
import { accountSources } from "../accounts/site-account";
import { withSiteRegistry } from "../accounts/site-registry";
import { selectSet } from "./select-set";
import { selectedStack } from "../stack/selected-stack";
import { standardInput } from "../terminal/standard-input";
import { statusLine } from "../terminal/status-line";

export interface ImportOptions {
    readonly stack?: string;
    readonly configFile?: string;
    readonly json?: boolean;
    readonly authfile?: string;
    /** Name of the set that standard input is the archive of. */
    readonly set?: string;
}

/**
 * Pushes the stack's sets to the registry.
 * @param input standard input is the archive of one of them, and that one alone is pushed
 */
export async function runImport(
    { stack: named, configFile: file, json = false, authfile, set: name }: ImportOptions,
    input: "stdin" | undefined,
): Promise<number> {
    const stack = selectedStack(named);
    const site = await readConnectedSite({ stack, file });
    const sets = input === undefined ? site.content : [selectSet(site.content, name)];
    if (sets.length === 0) printDiagnostic("the stack's site.content lists no set: there is nothing to import");
    const account = await findAccount("importer", accountSources({ stack, file }, site, authfile));
    return interruptible((signal) =>
        withSiteRegistry(site, account, signal, async (client, base) => {
            for (const [i, set] of sets.entries()) {
                const failed = await importSet({ client, base, signal, site, json, input }, set);
                // A later set builds on an earlier one.
                const rest = sets.slice(i + 1).map(({ name }) => name);
                if (failed.length > 0 && rest.length > 0)
                    printDiagnostic(`not tried, since they come after ${set.name}: ${rest.join(", ")}`);
                if (failed.length > 0) return failureExitCode(imageCodes(failed));
            }
            return EXIT_OK;
        }),
    );
}

interface OperationContext {
    readonly client: RegistryClient;
    readonly base: MirrorBase;
    readonly signal: AbortSignal;
    readonly site: Site;
    readonly json: boolean;
    readonly input: "stdin" | undefined;
}

/** @returns the images of the set that are not in the registry */
async function importSet(context: OperationContext, content: Content): Promise<readonly ImageProblem[]> {
    const { client, base, signal, site, input } = context;
    if (content.at !== undefined && input === undefined) throw notHere(content);
    const status = statusLine();
    status.show(`${content.name}: checking what the registry has`);
    const planned = planLockedSet(client, content, { base, kind: site.registry.type });
    const { set, plan } = await planned.finally(() => status.end());
    const known = site.content.map(({ images }) => images);
    warn(content, movedTags(plan, known));
    const asked = pushSignatures(site.signatures, site.content, content);
    const signatures = asked && { ...asked, base };
    const result = await runPlan(context, content, plan, { set, signatures });
    warn(content, refusedMounts(result));
    if (signal.aborted) throw interrupted(content, result, signal.reason);
    if (!context.json) printResult(content, result);
    return result.failed;
}

function notHere({ name }: Content): PassthroughError {
    return new PassthroughError("its archive is not on this machine", {
        code: "ARCHIVE_NOT_FOUND",
        thing: `set ${name}`,
        fix: "import it with `npm run up`, which has it imported where it is, or bring it as standard input: import -",
    });
}

async function runPlan(
    { client, site, json, input, signal }: OperationContext,
    content: Content,
    plan: ImportPlan,
    { set, signatures }: { readonly set: LockedSet } & Pick<CarryOutOptions, "signatures">,
): Promise<ImportResult> {
    const { name } = content;
    const status = statusLine();
    const stopListening = client.onWait(({ problem, seconds }) =>
        status.show(`${name}: waiting ${Math.ceil(seconds)} s: ${formatWithoutFix(problem)}`),
    );
    try {
        const options: CarryOutOptions = {
            concurrency: site.concurrency,
            journals: journalFolder(),
            registryKind: site.registry.type,
            isFirstImport: plan.present.length === 0,
            onCheck: () => status.show(`${name}: checking where the registry wants uploads`),
            onProgress: (progress) => status.show(`${name}: ${progressText(progress)}`),
            onWarning: (warning) => warn(content, [warning]),
            signatures,
            ...(json ? { onEvent: (event) => print(JSON.stringify({ set: name, ...event }, hideSecretsInJson)) } : {}),
        };
        if (input === undefined) return await carryOut(client, plan, set, options);
        return await carryOutStream(client, plan, set, stdinOf(signal), options);
    } finally {
        stopListening();
        status.end();
    }
}

/** @param interrupted ends the reading, as what ends the import does */
function stdinOf(interrupted: AbortSignal): ByteStream {
    return {
        label: "standard input",
        chunks: (signal) => standardInput(AbortSignal.any([signal, interrupted])),
    };
}

function warn({ name }: Content, lines: readonly string[]): void {
    if (lines.length > 0) printDiagnostic(`warning: ${name}: ${lines.join("\n    ")}`);
}

function interrupted({ name, images }: Content, { done }: ImportResult, reason: unknown): PassthroughError {
    const safe = `${Object.keys(done).length} of ${Object.keys(images).length} images of ${name} are safe in the registry`;
    return reason instanceof Interrupted ? reason.withResult(safe) : new PassthroughError(safe, { code: "ABORTED" });
}

function printResult({ name, images }: Content, { done, failed, sent }: ImportResult): void {
    for (const line of problemLines(failed)) print(`! ${withoutSecrets(line)}`);
    print(
        `${name}: ${Object.keys(done).length} of ${Object.keys(images).length} images are in the registry: ` +
            `${formatBytes(sent.bytes)} sent in ${counted(sent.uploads, "blob")}, ${counted(sent.mounts, "blob")} mounted`,
    );
}
