/** Tags about an image: `sha256-<hex>.sig`, `.att`, `.sbom` of cosign, and the tag that lists its referrers. */
const ATTACHMENT_TAG = /^sha256-[0-9a-f]{64}(\.(sig|att|sbom))?$/;

/** True for images that speak about another image: they are pushed after it, and nobody runs them. */
export function isAttachment({ tag = "" }: { readonly tag?: string }): boolean {
    return ATTACHMENT_TAG.test(tag);
}
