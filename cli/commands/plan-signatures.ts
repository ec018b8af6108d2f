import { type Archive, openArchive } from "../../lib/archives";
import { ArchiveError } from "../../lib/errors/errors";
import { readLock } from "../../lib/lock";
import { type OpenSet, checkArchiveSignatures } from "../../lib/passthrough";
import { type Content, localRepositories } from "../../lib/site";
import { EXIT_OK, EXIT_REFUSED } from "../exit-codes";
import { type StackSelection, readStackSite, stackName } from "../stack/stack-file";
import { print, printDiagnostic } from "../terminal/output";
import { isAccepted, signatureLines, signaturesJson } from "./signature-report";

/**
 * Judges the signatures in the archives of the stack's sets, before anything is sent: needs the archives, and no network.
 * A set whose archive is not here is left out, with a note.
 * @returns `EXIT_REFUSED` if nodes will refuse an image, or if that is not known
 */
export async function runArchiveSignatures(selection: StackSelection, asJson: boolean): Promise<number> {
    const site = readStackSite(selection);
    if (site.signatures.length === 0)
        printDiagnostic("note: site.signatures has no policy: nodes ask for no signatures");
    const archives: Archive[] = [];
    const sets: OpenSet[] = [];
    try {
        for (const content of site.content) {
            const archive = await tryOpen(content);
            if (archive === undefined) continue;
            archives.push(archive);
            sets.push({ lock: await readLock(content.lock), source: archive.source, marks: content.marks });
        }
        const report = await checkArchiveSignatures(sets, {
            policies: site.signatures,
            local: localRepositories(site.content),
            mirrorHost: site.registry.mirror.host,
        });
        if (asJson) print(JSON.stringify({ stack: stackName(selection), signatures: signaturesJson(report) }));
        else for (const line of signatureLines(report)) print(line);
        return isAccepted(report) ? EXIT_OK : EXIT_REFUSED;
    } finally {
        for (const archive of archives) await archive.close();
    }
}

async function tryOpen({ name, archive, at }: Content): Promise<Archive | undefined> {
    try {
        if (at === undefined) return await openArchive(archive);
    } catch (error) {
        if (!(error instanceof ArchiveError) || error.code !== "ARCHIVE_NOT_FOUND") throw error;
    }
    printDiagnostic(`note: ${name}: its archive is not here, so its signatures are not checked`);
    return undefined;
}
