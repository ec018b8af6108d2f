import type { SourceProbe } from "./probe-plan";

/** What a runtime's text says about a pull that failed. */
export interface PullError {
    /**
     * What the mirrors said, between the brackets of CRI-O's "(Mirrors also failed: […])"; absent: the text says nothing
     * about mirrors.
     */
    readonly mirrors?: string;
    /** CRI-O refused to ask the upstream ("registry quay.io is blocked in …"). */
    readonly isUpstreamBlocked: boolean;
    /** Nobody that was asked has it. */
    readonly isNotFound: boolean;
    /** containerd, which does not say whom it asked. */
    readonly isContainerd: boolean;
}

/** Between what CRI-O says about the image and about a second pull, as an OCI artifact (internal/storage/image.go). */
const AS_ARTIFACT = "; artifact err: ";

/** The text of a failed pull without CRI-O's second attempt, which says the same again, and would be taken for the first. */
export function imagePullText(text: string): string {
    return text.split(AS_ARTIFACT, 1)[0] ?? text;
}

/**
 * Reads the text of a failed pull. CRI-O's is that of containers/image (docker/docker_image_src.go: the mirrors' errors in
 * brackets, then the source's); containerd's has none of whom it asked.
 * @param text without a second attempt (`imagePullText`)
 */
export function parsePullError(text: string): PullError {
    const mirrors = /\(Mirrors also failed: \[(.*?)\]\): /s.exec(text)?.[1];
    return {
        ...(mirrors === undefined ? {} : { mirrors }),
        isUpstreamBlocked: /registry \S+ is blocked in /.test(text),
        isNotFound: isNotFound(text),
        isContainerd: /failed to (pull and unpack image|resolve reference)/.test(text),
    };
}

/** A status is a word of its own: a digest may have these digits too. */
function isNotFound(text: string): boolean {
    return /manifest unknown|name unknown|not found|code = NotFound|\b404\b/i.test(text);
}

/** True if a mirror below this repository was asked, and said that it does not have the image. */
export function hasMirrorDenied({ mirrors }: PullError, { mirror }: Pick<SourceProbe, "mirror">): boolean {
    return mirrors !== undefined && mirrors.includes(`${mirror.registry}/${mirror.repository}`) && isNotFound(mirrors);
}

/** Causes by what the text of a runtime has, the most telling ones first. */
const CAUSES: readonly (readonly [pattern: RegExp, cause: string])[] = [
    [/x509|certificate/i, "the node does not trust the registry's certificate"],
    [
        /unauthorized|authentication required|\b401\b|no basic auth/i,
        "the registry rejects the account of the node, or it has none",
    ],
    [/forbidden|denied|\b403\b/i, "the node's account may not pull it"],
    [/rejected by policy|signature was required|SignatureValidation/i, "the node's signature policy rejects it"],
    [/no such host|i\/o timeout|connection refused|no route to host|deadline exceeded/i, "the node does not reach it"],
];

/**
 * Why a pull failed that the mirror should have served, in a few words; undefined if the text says nothing that is known.
 */
export function pullFailureCause(text: string, source: Pick<SourceProbe, "mirror">): string | undefined {
    const error = parsePullError(text);
    if (error.mirrors === undefined && error.isUpstreamBlocked) {
        return "the node has no mirror for this form of pull, and must not ask the upstream";
    }
    // After the mirrors, CRI-O says why the upstream failed, which has causes of its own.
    const ofMirror = error.mirrors ?? text;
    const known = CAUSES.find(([pattern]) => pattern.test(ofMirror))?.[1];
    if (known !== undefined) return known;
    if (error.mirrors !== undefined) {
        return hasMirrorDenied(error, source) ? "the mirror says that it does not have it" : undefined;
    }
    return error.isNotFound ? "nobody that the node asked has it: it did not ask the mirror" : undefined;
}
