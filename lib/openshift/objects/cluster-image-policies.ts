import type { SignaturePolicy, SignedIdentity } from "../../signatures";

/** Who must have signed the images of some scopes (config.openshift.io/v1); nodes of OpenShift 4.20 and later enforce it. */
export interface ClusterImagePolicy {
    readonly apiVersion: "config.openshift.io/v1";
    readonly kind: "ClusterImagePolicy";
    readonly metadata: { readonly name: string };
    readonly spec: {
        readonly scopes: readonly string[];
        readonly policy: {
            readonly rootOfTrust: {
                readonly policyType: "PublicKey";
                /** PEM, base64. */
                readonly publicKey: { readonly keyData: string };
            };
            readonly signedIdentity: SignedIdentity;
        };
    };
}

/** OpenShift's own policy for release images, in every cluster from 4.21 on (openshift/cluster-update-keys). */
const OWN_POLICY = "openshift";

/** The policies that clusters get: all but OpenShift's own, which they have. */
export function writtenPolicies(policies: readonly SignaturePolicy[]): SignaturePolicy[] {
    return policies.filter(({ name }) => name !== OWN_POLICY);
}

/** The policies as objects, except OpenShift's own. Scopes are upstream names, as pods have them. */
export function clusterImagePolicies(policies: readonly SignaturePolicy[]): ClusterImagePolicy[] {
    return writtenPolicies(policies).map(({ name, scopes, publicKey, signedIdentity }) => ({
        apiVersion: "config.openshift.io/v1",
        kind: "ClusterImagePolicy",
        metadata: { name },
        spec: {
            scopes,
            policy: {
                rootOfTrust: {
                    policyType: "PublicKey",
                    publicKey: { keyData: Buffer.from(publicKey).toString("base64") },
                },
                signedIdentity,
            },
        },
    }));
}
