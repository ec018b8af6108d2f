import { allMarks, localRepositories } from "../../lib/site";
import { allImages } from "../../lib/site";
import { type ImageFailure, type Verification, counted, formatBytes, verifyImages } from "../../lib/import";
import { contentRules } from "../../lib/openshift";
import { type PullChecks, pullChecks } from "../../lib/passthrough";
import { type Command, EXIT_FAILED, EXIT_OK } from "../command";
import { findAccount } from "../accounts/credentials";
import { interruptible } from "../terminal/interruption";
import { parseOptions, stackOf } from "../terminal/options";
import { print, printDiagnostic, withoutSecrets } from "../terminal/output";
import { statusLine } from "../terminal/status-line";
import { accountSources } from "../accounts/site-account";
import { withSiteRegistry } from "../accounts/site-registry";
import { nameOf, readStackSite } from "../stack/stack-file";

const HELP = `usage: npm run -s passthrough -- verify [--stack STACK] [--bytes] [--json] [--authfile FILE]

Proves that every image of the stack can be pulled as a cluster would pull it: resolved through the mirror rules by digest
and by tag, and fetched with the account that pulls: the manifest tree with its digests, every blob with its size, and
some images (site.validation.wholeImages) to the last byte. Changes nothing.

  --stack STACK     the stack whose Pulumi.STACK.yaml is read (default: $PULUMI_STACK, else dev)
  --config-file FILE
                    its configuration, if it is in another file
  --bytes           read and hash every byte of every image
  --json            one JSON object instead of text
  --authfile FILE   docker-style file with the account that pulls (the stack's pullSecret is one); see
                    docs/command-line.md for where else it may be

Exit codes: 0 all proven, 1 failed, or an image is missing or wrong, 2 wrong usage, 130 interrupted.`;

const OPTIONS = {
    stack: { type: "string" },
    "config-file": { type: "string" },
    bytes: { type: "boolean" },
    json: { type: "boolean" },
    authfile: { type: "string" },
} as const;

export const verifyCommand: Command = {
    name: "verify",
    summary: "prove every image through the rules, as a cluster would pull it",
    help: HELP,
    run,
};

async function run(args: readonly string[]): Promise<number> {
    const {
        stack: named,
        "config-file": file,
        bytes = false,
        json = false,
        authfile,
    } = parseOptions(args, OPTIONS, HELP);
    const stack = stackOf(named);
    const site = readStackSite({ stack, file });
    const { mirrorBase } = site.registry;
    const images = allImages(site.content);
    const marks = allMarks(site.content);
    const local = localRepositories(site.content);
    const { registriesConf } = contentRules(mirrorBase, { images, marks, local }, site.cluster);
    const wholeImages = bytes ? Object.keys(images).length : site.wholeImages;
    const checks = pullChecks({ images, marks, mirrorBase, registriesConf, wholeImages });
    const account = await findAccount("puller", accountSources({ stack, file }, site, authfile));
    printDiagnostic(`pulling as ${account.credentials.username}, from ${account.from}`);
    const status = statusLine();
    const verification = await interruptible((signal) =>
        withSiteRegistry(site, account, signal, (client) =>
            verifyImages(client, checks.checks, {
                absent: new Set(site.content.flatMap(({ leftOut }) => leftOut)),
                onProgress: (done, of) => status.show(`${done} of ${counted(of, "image")} proven`),
            }),
        ),
    ).finally(() => status.end());
    const failures = [...checks.unredirected, ...verification.failures];
    if (json) print(JSON.stringify(documentOf(nameOf({ stack }), checks, verification, failures)));
    else printReport(checks, verification, failures);
    return failures.length + verification.unread.length === 0 ? EXIT_OK : EXIT_FAILED;
}

function sums({ proofs }: Verification) {
    const sum = (of: "manifests" | "blobs" | "bytesRead") => proofs.reduce((total, proof) => total + proof[of], 0);
    return { images: proofs.length, manifests: sum("manifests"), blobs: sum("blobs"), bytesRead: sum("bytesRead") };
}

function documentOf(stack: string, checks: PullChecks, verification: Verification, failures: readonly ImageFailure[]) {
    return {
        stack,
        status: failures.length + verification.unread.length === 0 ? "proven" : "failing",
        ...sums(verification),
        whole: verification.proofs.filter(({ bytesRead }) => bytesRead > 0).map(({ source }) => source),
        digestOnly: checks.digestOnly,
        failing: failures.map(({ source, problem }) => ({ source, problem: withoutSecrets(problem) })),
        unread: verification.unread.map(({ source, unread }) => ({ source, problem: withoutSecrets(unread) })),
    };
}

function printReport(checks: PullChecks, verification: Verification, failures: readonly ImageFailure[]): void {
    for (const { source, problem } of failures) print(`! ${source}: ${withoutSecrets(problem)}`);
    for (const { source, unread } of verification.unread) print(`? ${source}: ${withoutSecrets(unread)}`);
    for (const source of checks.digestOnly) print(`note: ${source} is redirected by digest only`);
    const { images, manifests, blobs, bytesRead } = sums(verification);
    const whole = verification.proofs.filter((proof) => proof.bytesRead > 0).length;
    print(
        `${images} of ${counted(images + failures.length + verification.unread.length, "image")} proven: ${counted(manifests, "manifest")}, ${counted(blobs, "blob")}; ` +
            `${counted(whole, "image")} read whole (${formatBytes(bytesRead)})`,
    );
}
