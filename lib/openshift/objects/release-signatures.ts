import { type Digest, digestHex } from "../../oci/digest";

/** Where the cluster-version operator looks for the signatures of releases (cluster-update-keys, stores). */
export interface SignatureConfigMap {
    readonly apiVersion: "v1";
    readonly kind: "ConfigMap";
    readonly metadata: {
        readonly name: string;
        readonly namespace: "openshift-config-managed";
        readonly labels: { readonly "release.openshift.io/verification-signatures": "" };
    };
    /** `sha256-<hex>-<n>` -> an OpenPGP message, base64. */
    readonly binaryData: Readonly<Record<string, string>>;
}

/** oc-mirror's name. */
const NAME = "mirrored-release-signatures";
/**
 * `oc apply` keeps the whole object as JSON in an annotation, and all annotations of an object may have 262,144 bytes
 * (Kubernetes, apimachinery, TotalAnnotationSizeLimitB): below that with room for metadata and other annotations.
 */
const MAX_BYTES = 240 * 1024;
/** What JSON adds to each entry: quotes, colon, comma. */
const JSON_BYTES = 6;

/** The signatures of releases as ConfigMaps, sorted by digest; more than one if they are too many for it. */
export function signatureConfigMaps(signatures: Readonly<Record<Digest, readonly string[]>>): SignatureConfigMap[] {
    const parts: Record<string, string>[] = [];
    let room = 0;
    for (const digest of Object.keys(signatures).sort()) {
        for (const [at, message] of (signatures[digest] ?? []).entries()) {
            const key = `sha256-${digestHex(digest)}-${at + 1}`;
            const size = key.length + message.length + JSON_BYTES;
            if (parts.length === 0 || size > room) {
                parts.push({});
                room = MAX_BYTES;
            }
            Object.assign(parts.at(-1) ?? {}, { [key]: message });
            room -= size;
        }
    }
    return parts.map((binaryData, at) => ({
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: {
            name: at === 0 ? NAME : `${NAME}-${at + 1}`,
            namespace: "openshift-config-managed",
            labels: { "release.openshift.io/verification-signatures": "" },
        },
        binaryData,
    }));
}
