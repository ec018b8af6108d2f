/** What a node does when no mirror has the image; unset means AllowContactingSource. */
export type MirrorSourcePolicy = "NeverContactSource" | "AllowContactingSource";

/** One source of an IDMS or ITMS. */
export interface MirrorEntry {
    readonly source: string;
    /** Absent or empty: the entry redirects nothing. */
    readonly mirrors?: readonly string[] | undefined;
    readonly mirrorSourcePolicy?: MirrorSourcePolicy | undefined;
}

/** IDMS: redirects pulls by digest; cluster-scoped, 4.13 and later. */
export interface ImageDigestMirrorSet {
    readonly apiVersion: "config.openshift.io/v1";
    readonly kind: "ImageDigestMirrorSet";
    readonly metadata: { readonly name: string };
    readonly spec: { readonly imageDigestMirrors?: readonly MirrorEntry[] | undefined };
}

/** ITMS: redirects pulls by tag; cluster-scoped, 4.13 and later. */
export interface ImageTagMirrorSet {
    readonly apiVersion: "config.openshift.io/v1";
    readonly kind: "ImageTagMirrorSet";
    readonly metadata: { readonly name: string };
    readonly spec: { readonly imageTagMirrors?: readonly MirrorEntry[] | undefined };
}

/** ICSP: redirects pulls by digest, always allows the source; cluster-scoped, deprecated since 4.13. */
export interface ImageContentSourcePolicy {
    readonly apiVersion: "operator.openshift.io/v1alpha1";
    readonly kind: "ImageContentSourcePolicy";
    readonly metadata: { readonly name: string };
    readonly spec: {
        readonly repositoryDigestMirrors?: readonly Omit<MirrorEntry, "mirrorSourcePolicy">[] | undefined;
    };
}

export type MirrorObject = ImageDigestMirrorSet | ImageTagMirrorSet | ImageContentSourcePolicy;

const LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
const COMPONENT = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const LOCATION = new RegExp(`^${LABEL}(?:\\.${LABEL})*(?::[0-9]+)?(?:/${COMPONENT})*$`);
const WILDCARD = new RegExp(`^\\*(?:\\.${LABEL})+$`);

/** How a source or mirror is written, as the end of an error. */
export const MIRROR_NAME_FIX =
    "write host[:port] and lower-case path components, without scheme, tag, digest or trailing slash";

/** True if the API accepts it in `mirrors`: `host[:port][/component]*` (CRD pattern of IDMS and ITMS). */
export function isMirrorLocation(text: string): boolean {
    return LOCATION.test(text);
}

/** True if the API accepts it as `source`: a mirror location, or the wildcard `*.host` without port and path. */
export function isMirrorSource(text: string): boolean {
    return isMirrorLocation(text) || WILDCARD.test(text);
}
