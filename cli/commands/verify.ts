import { counted, formatBytes } from "../../lib/errors/text";
import { type Site, allImages, allMarks, localRepositories, mirrorPolicy } from "../../lib/site";
import type { RegistryClient } from "../../lib/distribution/client/registry-client";
import {
    type ImageProblem,
    type Verification,
    imageCodes,
    imageProblemToJson,
    problemLines,
    verifyImages,
} from "../../lib/import";
import {
    type PullChecks,
    type SignatureReport,
    checkSignatures,
    joinPullChecks,
    pullChecks,
    signaturePulls,
} from "../../lib/passthrough";
import { EXIT_FAILED, EXIT_OK } from "../exit-codes";
import { failureExitCode } from "../failure-exit-code";
import { findAccount } from "../accounts/credentials";
import { interruptible } from "../terminal/interruption";
import { hideSecretsInJson, print, printDiagnostic, withoutSecrets } from "../terminal/output";
import { type StatusLine, statusLine } from "../terminal/status-line";
import { readConnectedSite } from "../accounts/connected-site";
import { accountSources } from "../accounts/site-account";
import { withSiteRegistry } from "../accounts/site-registry";
import { selectedStack } from "../stack/selected-stack";
import { stackName } from "../stack/stack-file";
import { isAccepted, signatureLines, signaturesJson } from "./signature-report";

export interface VerifyOptions {
    readonly stack?: string;
    readonly configFile?: string;
    readonly bytes?: boolean;
    readonly signatures?: boolean;
    readonly json?: boolean;
    readonly authfile?: string;
}

/** Proves that every image of the stack can be pulled through the mirror rules. */
export async function runVerify({
    stack: named,
    configFile: file,
    bytes = false,
    signatures: withSignatures = false,
    json = false,
    authfile,
}: VerifyOptions): Promise<number> {
    const stack = selectedStack(named);
    const site = await readConnectedSite({ stack, file });
    const { mirror } = site.registry;
    const images = allImages(site.content);
    const marks = allMarks(site.content);
    const wholeImages = bytes ? Object.keys(images).length : site.wholeImages;
    const rules = site.clusters.map((cluster) => mirrorPolicy({ ...site, cluster }, mirror).registriesConf);
    const checks = joinPullChecks(
        [...new Set(rules)].map((registriesConf) => pullChecks({ images, marks, mirror, registriesConf, wholeImages })),
    );
    const account = await findAccount("puller", accountSources({ stack, file }, site, authfile));
    printDiagnostic(`pulling as ${account.credentials.username}, from ${account.from}`);
    const status = statusLine();
    status.show(`0 of ${counted(checks.checks.length, "image")} proven`);
    const { verification, signatures } = await interruptible((signal) =>
        withSiteRegistry(site, account, signal, async (client) => ({
            verification: await verifyImages(client, checks.checks, {
                absent: new Set(site.content.flatMap(({ leftOut }) => leftOut)),
                onProgress: (done, of) => status.show(`${done} of ${counted(of, "image")} proven`),
            }),
            signatures: withSignatures ? await reportSignatures(client, site, checks, status) : undefined,
        })),
    ).finally(() => status.end());
    const failures = [...checks.unredirected, ...verification.failures];
    if (json) {
        const report = jsonReport(stackName({ stack }), checks, verification, failures);
        const about = signatures === undefined ? {} : { signatures: signaturesJson(signatures) };
        print(JSON.stringify({ ...report, ...about }, hideSecretsInJson));
    } else {
        printReport(checks, verification, failures);
        for (const line of signatures === undefined ? [] : signatureLines(signatures)) print(withoutSecrets(line));
    }
    const failing = [...failures, ...verification.unread];
    if (failing.length > 0) return failureExitCode(imageCodes(failing));
    return signatures === undefined || isAccepted(signatures) ? EXIT_OK : EXIT_FAILED;
}

async function reportSignatures(
    client: RegistryClient,
    site: Site,
    { checks }: PullChecks,
    status: StatusLine,
): Promise<SignatureReport> {
    const pulls = signaturePulls({
        checks,
        marks: allMarks(site.content),
        local: localRepositories(site.content),
        mirrorHost: site.registry.mirror.host,
    });
    const count = counted(pulls.length, "image");
    return checkSignatures(client, pulls, site.signatures, (done) =>
        status.show(`signatures of ${done} of ${count} read`),
    );
}

function totals({ proofs }: Verification) {
    const sum = (of: "manifests" | "blobs" | "bytesRead") => proofs.reduce((total, proof) => total + proof[of], 0);
    return { images: proofs.length, manifests: sum("manifests"), blobs: sum("blobs"), bytesRead: sum("bytesRead") };
}

/** Signatures, SBOMs and attestations that verifiers find, by the digest that they are about. */
function attachments({ proofs }: Verification): Readonly<Record<string, readonly string[]>> {
    const found: Record<string, string[]> = {};
    for (const { subject, source } of proofs) if (subject !== undefined) (found[subject] ??= []).push(source);
    return found;
}

function jsonReport(stack: string, checks: PullChecks, verification: Verification, failures: readonly ImageProblem[]) {
    return {
        stack,
        status: failures.length + verification.unread.length === 0 ? "proven" : "failing",
        ...totals(verification),
        whole: verification.proofs.filter(({ bytesRead }) => bytesRead > 0).map(({ source }) => source),
        digestOnly: checks.digestOnly,
        attached: attachments(verification),
        failing: failures.map(imageProblemToJson),
        unread: verification.unread.map(imageProblemToJson),
    };
}

function printReport(checks: PullChecks, verification: Verification, failures: readonly ImageProblem[]): void {
    for (const line of problemLines(failures)) print(`! ${withoutSecrets(line)}`);
    for (const line of problemLines(verification.unread)) print(`? ${withoutSecrets(line)}`);
    for (const source of checks.digestOnly) print(`note: ${source} is redirected by digest only`);
    const { images, manifests, blobs, bytesRead } = totals(verification);
    const attached = Object.values(attachments(verification));
    if (attached.length > 0) {
        const count = counted(
            attached.flat().length,
            "signature, SBOM or attestation",
            "signatures, SBOMs and attestations",
        );
        print(`verifiers find ${count} of ${counted(attached.length, "manifest")}`);
    }
    const whole = verification.proofs.filter((proof) => proof.bytesRead > 0).length;
    print(
        `${images} of ${counted(images + failures.length + verification.unread.length, "image")} proven: ${counted(manifests, "manifest")}, ${counted(blobs, "blob")}; ` +
            `${counted(whole, "image")} read whole (${formatBytes(bytesRead)})`,
    );
}
