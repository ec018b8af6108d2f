import type { ImageCheck } from "../../import";
import { isAttachment } from "../../mirror/attachment-tag";
import type { ImageMark } from "../../mirror/image-set";
import { type Reference, parseSourceKey, repositoryName } from "../../oci/reference";
import type { SignedName } from "../../signatures";

/** An image, and the names under which nodes pull it. */
export interface SignaturePull {
    /** Source reference, for the report. */
    readonly source: string;
    readonly digest: string;
    /** At the mirror: signatures are read from where the image is pulled. */
    readonly repository: string;
    /** With the digest, with the tag, or one of each. A policy judges the name that the pod asks for. */
    readonly names: readonly SignedName[];
}

/** Where images are pulled from, and which of them have another digest or another name than upstream. */
export interface SignaturePullRequest {
    readonly checks: readonly ImageCheck[];
    readonly marks: Readonly<Record<string, ImageMark>>;
    /** `host/path` of images that have no upstream. */
    readonly local: ReadonlySet<string>;
    /** `host[:port]` of the mirror. */
    readonly mirrorHost: string;
}

/** How nodes name each image of the content when they pull it. */
export function signaturePulls({ checks, marks, local, mirrorHost }: SignaturePullRequest): SignaturePull[] {
    return checks.flatMap(({ source, digest, repository, tag }) => {
        const asked = parseSourceKey(source);
        if (isAttachment(asked)) return [];
        const mark = marks[source];
        const isAtMirror = mark === "rebuilt" || local.has(repositoryName(asked));
        const name = repositoryName(isAtMirror ? { registry: mirrorHost, repository } : asked);
        const byDigest = mark === "tag-only" ? [] : [{ name, digest }];
        return [{ source, digest, repository, names: [...byDigest, ...byTag(name, asked, tag)] }];
    });
}

/** @param mirrored the tag at the mirror; absent: no rule redirects pulls by tag */
function byTag(name: string, { tag }: Reference, mirrored: string | undefined): SignedName[] {
    return tag === undefined || mirrored === undefined ? [] : [{ name, tag: mirrored }];
}
