import { isDeepStrictEqual } from "node:util";
import { PassthroughError, errorMessage } from "../../errors/errors";
import type { ClusterClient, KubernetesObject, ResourcePath } from "../../kubernetes/cluster-client";
import { DEFAULT_IDENTITY, type SignaturePolicy, type SignedIdentity, checkedPublicKey } from "../../signatures";

/** Where ClusterImagePolicy objects are: OpenShift 4.20 and later. */
export const POLICIES: ResourcePath = { apiVersion: "config.openshift.io/v1", resource: "clusterimagepolicies" };

/** `spec` of a ClusterImagePolicy as the API gives it (openshift/api, config/v1/types_cluster_image_policy.go). */
interface PolicySpec {
    readonly scopes: readonly string[];
    readonly policy: {
        readonly rootOfTrust: {
            readonly policyType: string;
            readonly publicKey?: { readonly keyData?: string; readonly rekorKeyData?: string };
        };
        readonly signedIdentity?: SignedIdentity;
    };
}

export interface PolicyObject extends KubernetesObject {
    readonly spec: PolicySpec;
}

/** A ClusterImagePolicy of a cluster, and what this program can make of it. */
export interface ExistingPolicy {
    readonly object: PolicyObject;
    /** Absent: this program cannot say what nodes refuse because of it. */
    readonly policy?: SignaturePolicy;
    /** Why it cannot. */
    readonly unjudged?: string;
}

/**
 * Every ClusterImagePolicy of a cluster, whoever wrote it; those that releases bring are among them.
 * @throws ClusterError; PassthroughError `CLUSTER_KIND_MISSING` where the cluster does not have that kind
 */
export async function readClusterPolicies(client: ClusterClient): Promise<ExistingPolicy[]> {
    const objects = await client.list<PolicyObject>(POLICIES);
    if (objects !== undefined) return objects.map(judgeable);
    throw new PassthroughError("the cluster does not have the kind ClusterImagePolicy (config.openshift.io/v1)", {
        code: "CLUSTER_KIND_MISSING",
        place: { cluster: client.server },
        fix: "leave out cluster.signaturePolicies until the cluster is 4.20 or later",
    });
}

function judgeable(object: PolicyObject): ExistingPolicy {
    const { scopes, policy } = object.spec;
    const { policyType, publicKey } = policy.rootOfTrust;
    const asks = [
        ...(policyType === "PublicKey" ? [] : [`signatures of ${policyType}`]),
        ...((publicKey?.rekorKeyData ?? "") === "" ? [] : ["an entry in a Rekor log"]),
    ];
    if (asks.length > 0)
        return { object, unjudged: `it asks for ${asks.join(", ")}, which this program does not verify` };
    try {
        const pem = checkedPublicKey(Buffer.from(publicKey?.keyData ?? "", "base64").toString("latin1"));
        const signedIdentity = policy.signedIdentity ?? DEFAULT_IDENTITY;
        return { object, policy: { name: object.metadata.name, scopes, publicKey: pem, signedIdentity } };
    } catch (error) {
        return { object, unjudged: `its key could not be read: ${errorMessage(error)}` };
    }
}

/** True if the cluster's object asks for what the site's policy does. */
export function isSamePolicy({ policy }: ExistingPolicy, wanted: SignaturePolicy): boolean {
    if (policy === undefined || policy.publicKey.trim() !== wanted.publicKey.trim()) return false;
    const sorted = (scopes: readonly string[]) => [...scopes].sort();
    return (
        isDeepStrictEqual(sorted(policy.scopes), sorted(wanted.scopes)) &&
        isDeepStrictEqual(policy.signedIdentity, wanted.signedIdentity)
    );
}
