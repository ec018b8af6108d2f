import type { RegistryClient } from "../../lib/distribution/client/registry-client";
import { PassthroughError, errorMessage } from "../../lib/errors/errors";
import { MAX_NAMES } from "../../lib/errors/format";
import { counted, firstLines } from "../../lib/errors/text";
import { type ImageCheck, toImageMap } from "../../lib/import";
import {
    type RequiredSignatures,
    checkRequiredSignatures,
    countRefused,
    pullChecks,
    refusedImageLines,
} from "../../lib/passthrough";
import { parseSignatureRules } from "../../lib/signatures";
import type { ProgressRow } from "../lifecycle/progress-row";
import type { ResourceLog } from "../lifecycle/engine";
import { hasUnknown } from "../lifecycle/unknown-value";
import { withRegistry } from "../registry/connection";
import type { RegistryContext } from "../registry/registry-process";
import type { MirrorValidationInputs, SignatureCounts } from "./kind";

/** A preview does not wait for a registry that is down. */
const QUICK_SECONDS = 3;

/** What nodes make of the signatures of images; undefined where they ask for none. */
export async function findSignatures(
    client: RegistryClient,
    { signatures, marks = {} }: MirrorValidationInputs,
    { checks, mirrorHost }: { readonly checks: readonly ImageCheck[]; readonly mirrorHost: string },
    row: ProgressRow,
): Promise<RequiredSignatures | undefined> {
    if (signatures === undefined) return undefined;
    return checkRequiredSignatures(client, parseSignatureRules(signatures), { checks, marks, mirrorHost }, (read, of) =>
        row.show(`signatures of ${read} of ${counted(of, "image")} read`),
    );
}

/** Small enough for state; names are in the log, and in `passthrough verify --signatures`. */
export function countSignatures({ images, unread }: RequiredSignatures): SignatureCounts {
    const refused = images.filter(({ refusals }) => refusals.length > 0).length;
    return { accepted: images.length - refused, refused, unread: unread.length };
}

/** Logs which images nodes refuse, and what to do; nothing if they accept all of them. */
export function logSignatures(found: RequiredSignatures | undefined, log: ResourceLog): void {
    if (found === undefined) return;
    const lines = refusedImageLines(found);
    if (lines.length === 0) return;
    const title = `by site.signatures, nodes of 4.20 and later refuse ${countRefused(found)} in the mirror:`;
    const fix =
        "bring their signatures into the mirror (docs/how-to/signatures.md); `passthrough verify --signatures` names all";
    log.line("warning", [title, ...firstLines(lines, MAX_NAMES), fix].join("\n    "));
}

/**
 * Says in a preview what policies that are new or changed make of what the mirror has now; what is still to be pushed is
 * not there to be looked at.
 */
export async function describeSignatures(
    olds: Partial<MirrorValidationInputs>,
    news: MirrorValidationInputs,
    context: RegistryContext,
): Promise<void> {
    if (news.signatures === undefined || olds.signatures === news.signatures || hasUnknown(news)) return;
    try {
        const found = await withRegistry(
            news,
            context,
            (client, mirror, row) => {
                const { checks } = pullChecks({ ...news, images: toImageMap(news.images), mirror });
                return findSignatures(client, news, { checks, mirrorHost: mirror.host }, row);
            },
            { retrySeconds: QUICK_SECONDS },
        );
        logSignatures(found, context.log);
    } catch (error) {
        context.signal.throwIfAborted();
        if (!(error instanceof PassthroughError)) throw error;
        context.log.line("warning", `signatures are not checked before the update: ${errorMessage(error)}`);
    }
}
