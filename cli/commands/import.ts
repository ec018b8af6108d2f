import type { Content } from "../../lib/site";
import type { Site } from "../../lib/site";
import {
    type ImportPlan,
    type ImportResult,
    counted,
    formatBytes,
    planImport,
    problemLines,
    progressText,
} from "../../lib/import";
import { PassthroughError } from "../../lib/errors/errors";
import type { MirrorBase } from "../../lib/mirror/mirror-reference";
import type { RegistryClient } from "../../lib/distribution/client/registry-client";
import { type LockedSet, carryOut, movedTags, readLockedSet, refusedMounts } from "../../lib/passthrough";
import { type Command, EXIT_FAILED, EXIT_OK } from "../command";
import { findAccount } from "../accounts/credentials";
import { Interrupted, interruptible } from "../terminal/interruption";
import { parseOptions, stackOf } from "../terminal/options";
import { print, printDiagnostic, withoutSecrets } from "../terminal/output";
import { accountSources } from "../accounts/site-account";
import { withSiteRegistry } from "../accounts/site-registry";
import { readStackSite } from "../stack/stack-file";
import { statusLine } from "../terminal/status-line";

const HELP = `usage: npm run -s passthrough -- import [--stack STACK] [--json] [--authfile FILE]

Brings the stack's sets into the registry, one after the other, exactly as \`npm run up\` does: only what is missing is
sent, straight from the archives; running again is resuming. It does not touch the stack's state, and proves nothing:
\`verify\` does. Ctrl-C ends it in good order, a second one at once.

  --stack STACK     the stack whose Pulumi.STACK.yaml is read (default: $PULUMI_STACK, else dev)
  --config-file FILE
                    its configuration, if it is in another file
  --json            one JSON event a line on stdout instead of text
  --authfile FILE   docker-style file with the account that pushes; see docs/command-line.md for where else it may be

Exit codes: 0 every image is in, 1 failed, or an image cannot be brought, 2 wrong usage, 130 interrupted.`;

const OPTIONS = {
    stack: { type: "string" },
    "config-file": { type: "string" },
    json: { type: "boolean" },
    authfile: { type: "string" },
} as const;

export const importCommand: Command = {
    name: "import",
    summary: "bring the stack's sets into the registry",
    help: HELP,
    run,
};

async function run(args: readonly string[]): Promise<number> {
    const { stack: named, "config-file": file, json = false, authfile } = parseOptions(args, OPTIONS, HELP);
    const stack = stackOf(named);
    const site = readStackSite({ stack, file });
    if (site.content.length === 0) printDiagnostic("the stack's site.content lists no set: there is nothing to import");
    const account = await findAccount("importer", accountSources({ stack, file }, site, authfile));
    return interruptible((signal) =>
        withSiteRegistry(site, account, signal, async (client, base) => {
            for (const [i, set] of site.content.entries()) {
                const isWhole = await importSet({ client, base, signal, site, json }, set);
                // A later set builds on what an earlier one brings.
                const rest = site.content.slice(i + 1).map(({ name }) => name);
                if (!isWhole && rest.length > 0)
                    printDiagnostic(`not tried, since they come after ${set.name}: ${rest.join(", ")}`);
                if (!isWhole) return EXIT_FAILED;
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
}

/** @returns true if every image of the set is in */
async function importSet(context: OperationContext, content: Content): Promise<boolean> {
    const { client, base, signal } = context;
    const set = await readLockedSet(content.archive, content.lock, content.lockDigest);
    const plan = await planImport(client, { images: content.images, set: set.lock, base });
    warn(content, movedTags(plan, {}));
    const result = await carriedOut(context, content, plan, set);
    warn(content, refusedMounts(result));
    if (signal.aborted) throw interrupted(content, result, signal.reason);
    if (!context.json) printResult(content, result);
    return result.failed.length === 0;
}

async function carriedOut(
    { client, site, json }: OperationContext,
    content: Content,
    plan: ImportPlan,
    set: LockedSet,
): Promise<ImportResult> {
    const { name } = content;
    const status = statusLine();
    const quiet = client.onWait(({ problem, seconds }) =>
        status.show(`${name}: waiting ${Math.ceil(seconds)} s: ${problem}`),
    );
    try {
        return await carryOut(client, plan, set, {
            concurrency: site.concurrency,
            onProgress: (progress) => status.show(`${name}: ${progressText(progress)}`),
            onWarning: (warning) => warn(content, [warning]),
            ...(json ? { onEvent: (event) => print(JSON.stringify({ set: name, ...event }, hideProblems)) } : {}),
        });
    } finally {
        quiet();
        status.end();
    }
}

function warn({ name }: Content, lines: readonly string[]): void {
    if (lines.length > 0) printDiagnostic(`warning: ${name}: ${lines.join("\n    ")}`);
}

/** What a registry answered is the one text in an event that nobody here wrote. */
function hideProblems(key: string, value: unknown): unknown {
    return key === "problem" && typeof value === "string" ? withoutSecrets(value) : value;
}

function interrupted({ name, images }: Content, { done }: ImportResult, reason: unknown): PassthroughError {
    const safe = `${Object.keys(done).length} of ${Object.keys(images).length} images of ${name} are safe in the registry`;
    return reason instanceof Interrupted ? reason.saying(safe) : new PassthroughError(safe, { code: "ABORTED" });
}

function printResult({ name, images }: Content, { done, failed, sent }: ImportResult): void {
    for (const line of problemLines(failed)) print(`! ${withoutSecrets(line)}`);
    print(
        `${name}: ${Object.keys(done).length} of ${Object.keys(images).length} images are in: ` +
            `${formatBytes(sent.bytes)} sent in ${counted(sent.uploads, "blob")}, ${counted(sent.mounts, "blob")} mounted`,
    );
}
