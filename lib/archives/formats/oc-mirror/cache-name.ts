import { digestHex } from "../../../oci/digest";

/** How oc-mirror files an image in its cache registry. */
export interface CacheName {
    readonly repository: string;
    /** The tag, in each spelling that a release of oc-mirror uses. */
    readonly tags: readonly string[];
}

const DIGEST_TAG = /^(?:sha256-)?([0-9a-f]{64})$/;
const SIGNATURE_TAG = /^sha256-([0-9a-f]{64})\.sig$/;

/**
 * The cache name of a source as it is written in an image set (no transport). oc-mirror takes the part before the
 * first slash for the host even where it is none, so `team0/app0:v1` is filed under `app0`.
 * @param target the image set's `targetRepo` and `targetTag`, which replace path and tag
 */
export function toCacheName(source: string, target: { repository?: string; tag?: string } = {}): CacheName {
    const path = source.slice(source.indexOf("/") + 1);
    const [name = "", digest] = path.split("@");
    const colon = name.lastIndexOf(":");
    const hasTag = colon > name.lastIndexOf("/");
    const tag = target.tag ?? (hasTag ? name.slice(colon + 1) : undefined);
    const repository = target.repository ?? (hasTag ? name.slice(0, colon) : name);
    if (tag !== undefined) return { repository, tags: [tag] };
    // 4.16 and 4.17 leave the algorithm out.
    return { repository, tags: digest === undefined ? ["latest"] : [`sha256-${digestHex(digest)}`, digestHex(digest)] };
}

/** The digest that a tag stands for: oc-mirror tags an image that has no tag `sha256-<hex>`, older ones `<hex>`. */
export function digestOfTag(tag: string): string | undefined {
    const hex = DIGEST_TAG.exec(tag)?.[1];
    return hex === undefined ? undefined : `sha256:${hex}`;
}

/** The digest that a sigstore signature is about, by its tag `sha256-<hex>.sig`. */
export function subjectOfTag(tag: string): string | undefined {
    const hex = SIGNATURE_TAG.exec(tag)?.[1];
    return hex === undefined ? undefined : `sha256:${hex}`;
}
