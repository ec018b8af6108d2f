import type { SignaturePolicy, SignedIdentity } from "../../signatures";

/** Who must have signed the images of some scopes (config.openshift.io/v1); nodes of OpenShift 4.20 and later enforce it. */
export interface ClusterImagePolicy {
    readonly apiVersion: "config.openshift.io/v1";
    readonly kind: "ClusterImagePolicy";
    readonly metadata: { readonly name: string };
    readonly spec: ImagePolicySpec;
}

/** The same for pods of one namespace. */
export interface ImagePolicy {
    readonly apiVersion: "config.openshift.io/v1";
    readonly kind: "ImagePolicy";
    readonly metadata: { readonly name: string; readonly namespace: string };
    readonly spec: ImagePolicySpec;
}

interface ImagePolicySpec {
    readonly scopes: readonly string[];
    readonly policy: {
        readonly rootOfTrust: {
            readonly policyType: "PublicKey";
            /** PEM, base64. */
            readonly publicKey: { readonly keyData: string };
        };
        readonly signedIdentity: SignedIdentity;
    };
}

/** OpenShift's own policy for release images, in every cluster from 4.21 on (openshift/cluster-update-keys). */
const OWN_POLICY = "openshift";

/** The policies that clusters get: all but OpenShift's own, which they have. */
export function writtenPolicies(policies: readonly SignaturePolicy[]): SignaturePolicy[] {
    return policies.filter(({ name }) => name !== OWN_POLICY);
}

/** The policies as objects, except OpenShift's own. Scopes are upstream names, as pods have them. */
export function imagePolicies(policies: readonly SignaturePolicy[]): (ClusterImagePolicy | ImagePolicy)[] {
    return writtenPolicies(policies).map(({ name, namespace, scopes, publicKey, signedIdentity }) => {
        const keyData = Buffer.from(publicKey).toString("base64");
        const rootOfTrust = { policyType: "PublicKey", publicKey: { keyData } } as const;
        const spec = { scopes, policy: { rootOfTrust, signedIdentity } };
        const apiVersion = "config.openshift.io/v1";
        if (namespace === undefined) return { apiVersion, kind: "ClusterImagePolicy", metadata: { name }, spec };
        const metadata = { name: name.slice(namespace.length + 1), namespace };
        return { apiVersion, kind: "ImagePolicy", metadata, spec };
    });
}
