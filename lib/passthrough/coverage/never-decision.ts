import type { Problem } from "../../errors/problem";
import { isAccepted, unusedAccepts } from "./accepted-images";
import type { CoveredImage } from "./coverage";

export interface NeverRequest {
    /** Sources that the site wants to forbid, and that the nodes have the rules of. */
    readonly candidates: readonly string[];
    /** Sources that the cluster forbids now. */
    readonly inForce: readonly string[];
    readonly images: readonly CoveredImage[];
    /** Kinds of objects whose images are not known. */
    readonly unread: readonly Problem[];
    /** Patterns over names of images that the mirror may lack. */
    readonly accept: readonly string[];
}

/** Which sources may be forbidden, by what the cluster's objects pull from them. */
export interface NeverDecision {
    /** In the order of the candidates. */
    readonly neverSources: readonly string[];
    /** Sources that stay allowed, since the mirror lacks images of them that are in use. */
    readonly refused: readonly { readonly source: string; readonly images: readonly CoveredImage[] }[];
    /** Sources that stay allowed, since it is not known whether the mirror has all their images. */
    readonly unknown: readonly { readonly source: string; readonly problem: Problem }[];
    /** Missing and unknown images that the site accepts. */
    readonly accepted: readonly CoveredImage[];
    /** Patterns that accept no missing or unknown image; none if not every image is known. */
    readonly unusedAccepts: readonly string[];
}

/**
 * A source may be forbidden only if the mirror has every image of it that is in use; one that is forbidden already stays
 * so, whatever is missing afterwards. Images that are only offered, and those that the site accepts, do not count.
 */
export function decideNever({ candidates, inForce, images, unread, accept }: NeverRequest): NeverDecision {
    const lacking = images.filter(({ state }) => state === "missing" || state === "unknown");
    const tolerated = new Set(lacking.filter((image) => isAccepted(image, accept)));
    const relevant = lacking.filter((image) => !tolerated.has(image) && image.isSample !== true);
    const [firstUnread] = unread;
    const judged = candidates.map((source) => {
        const own = relevant.filter(({ sources = [] }) => sources.includes(source));
        const missing = own.filter(({ state }) => state === "missing");
        const problem = firstUnread ?? own.find(({ state }) => state === "unknown")?.problem;
        return { source, missing, problem, isInForce: inForce.includes(source) };
    });
    const open = judged.filter(({ isInForce }) => !isInForce);
    return {
        neverSources: judged
            .filter(({ missing, problem, isInForce }) => isInForce || (missing.length === 0 && problem === undefined))
            .map(({ source }) => source),
        refused: open.flatMap(({ source, missing }) => (missing.length === 0 ? [] : [{ source, images: missing }])),
        unknown: open.flatMap(({ source, missing, problem }) =>
            missing.length > 0 || problem === undefined ? [] : [{ source, problem }],
        ),
        accepted: [...tolerated],
        unusedAccepts: firstUnread === undefined ? unusedAccepts(accept, lacking) : [],
    };
}
