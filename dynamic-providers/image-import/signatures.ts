import { type Archive, openArchive } from "../../lib/archives";
import { PassthroughError, errorMessage } from "../../lib/errors/errors";
import { type ImagesBySource, toImageMap } from "../../lib/import";
import { readLock } from "../../lib/lock";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { checkSetSignatures, refusalText } from "../../lib/passthrough";
import { type PushSignatures, parseSignatureRules } from "../../lib/signatures";
import type { RegistryContext } from "../registry/registry-process";
import type { ImageImportInputs } from "./kind";

/** What is asked of signatures, as state has it. */
export function parseAsked({ rules, ...asked }: NonNullable<ImageImportInputs["signatures"]>): PushSignatures {
    return { ...asked, rules: parseSignatureRules(rules) };
}

/** Of an archive that is compressed a preview reads nothing: it would have to be unpacked. */
const NOTHING_UNPACKED = { limit: 0 } as const;

/**
 * Says in a preview what nodes will make of the images that are to be pushed, by locks and archives alone: the registry is
 * not asked, so signatures that only the mirror has are not known.
 */
export async function describeSignatures(
    news: ImageImportInputs,
    before: ImagesBySource,
    context: RegistryContext,
): Promise<void> {
    const pushed = Object.entries(toImageMap(news.images)).filter(([source, digest]) => before[source] !== digest);
    if (news.signatures === undefined || pushed.length === 0 || context.log.isQuiet) return;
    const { rules, refusing, others } = parseAsked(news.signatures);
    const { signal } = context;
    const opening = { ...NOTHING_UNPACKED, signal };
    let archive: Archive | undefined;
    try {
        const lock = await readLock(news.lock);
        archive = await openArchive(news.archive, opening);
        const set = { lock, source: archive.source, marks: lock.marks ?? {} };
        const sources = new Set(pushed.map(([source]) => source));
        const mirrorHost = parseMirrorBase(news.registry.mirrorBase).host;
        const report = await checkSetSignatures(set, { rules, sources, others, mirrorHost, opening });
        const text = refusalText(report, " that are to be pushed, unless the mirror has their signatures already");
        if (text === undefined) return;
        const stops =
            refusing.length === 0
                ? ""
                : `\n    beforePush: refuse of ${refusing.join(", ")}: the update will fail then`;
        context.log.line("warning", `${text}${stops}`);
    } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof PassthroughError)) throw error;
        context.log.line("info", `signatures are looked at by the update, before the push: ${notRead(error)}`);
    } finally {
        await archive?.close();
    }
}

function notRead(error: PassthroughError): string {
    return error.code === "ARCHIVE_TOO_LARGE"
        ? "the archive is compressed, and a preview unpacks nothing"
        : errorMessage(error);
}
