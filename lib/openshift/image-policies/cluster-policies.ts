import { isDeepStrictEqual } from "node:util";
import { PassthroughError, errorMessage } from "../../errors/errors";
import { ClusterError } from "../../kubernetes/cluster-error";
import type { ClusterClient, KubernetesObject, ResourcePath } from "../../kubernetes/cluster-client";
import { DEFAULT_IDENTITY, type SignaturePolicy, type SignedIdentity, checkedPublicKey } from "../../signatures";

const CONFIG = "config.openshift.io/v1";
/** Where ClusterImagePolicy objects are: OpenShift 4.20 and later. */
const CLUSTER_POLICIES: ResourcePath = { apiVersion: CONFIG, resource: "clusterimagepolicies" };
/** Where ImagePolicy objects are, those of all namespaces. */
const NAMESPACE_POLICIES: ResourcePath = { apiVersion: CONFIG, resource: "imagepolicies" };

/** Where a policy is, and its name there. */
export function policyPlace(name: string): { readonly path: ResourcePath; readonly object: string } {
    const slash = name.indexOf("/");
    if (slash < 0) return { path: CLUSTER_POLICIES, object: name };
    return { path: { ...NAMESPACE_POLICIES, namespace: name.slice(0, slash) }, object: name.slice(slash + 1) };
}

/** "ClusterImagePolicy team1", "ImagePolicy app/team1". */
export function policyTitle(name: string): string {
    return `${name.includes("/") ? "ImagePolicy" : "ClusterImagePolicy"} ${name}`;
}

/** As `SignaturePolicy.name`. */
export function policyName({ metadata: { name, namespace } }: Pick<KubernetesObject, "metadata">): string {
    return namespace === undefined ? name : `${namespace}/${name}`;
}

/** `spec` of either kind as the API gives it (openshift/api, config/v1/types_cluster_image_policy.go). */
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

/** A ClusterImagePolicy or ImagePolicy of a cluster, and what this program can make of it. */
export interface ExistingPolicy {
    readonly object: PolicyObject;
    /** Absent: this program cannot say what nodes refuse because of it. */
    readonly policy?: SignaturePolicy;
    /** Why it cannot. */
    readonly unjudged?: string;
}

/** The policies of a cluster. */
export interface ExistingPolicies {
    readonly policies: readonly ExistingPolicy[];
    /** Why those of namespaces are not among them, though there may be some. */
    readonly notRead?: string;
}

/**
 * Every ClusterImagePolicy and ImagePolicy of a cluster, whoever wrote it; those that releases bring are among them.
 * @param wanted the site's own: with one of a namespace among them, those of namespaces have to be readable
 * @throws ClusterError; PassthroughError `CLUSTER_KIND_MISSING` where the cluster does not have a kind that is needed
 */
export async function readPolicies(
    client: ClusterClient,
    wanted: readonly SignaturePolicy[],
): Promise<ExistingPolicies> {
    const isNeeded = wanted.some(({ namespace }) => namespace !== undefined);
    const ofCluster = await client.list<PolicyObject>(CLUSTER_POLICIES);
    if (ofCluster === undefined) throw kindMissing(client, "ClusterImagePolicy");
    try {
        const ofNamespaces = await client.list<PolicyObject>(NAMESPACE_POLICIES);
        if (ofNamespaces === undefined && isNeeded) throw kindMissing(client, "ImagePolicy");
        return { policies: [...ofCluster, ...(ofNamespaces ?? [])].map(judgeable) };
    } catch (error) {
        // Policies of others are in force already: not to know them stops nothing.
        if (isNeeded || !(error instanceof ClusterError) || error.code !== "CLUSTER_FORBIDDEN") throw error;
        return { policies: ofCluster.map(judgeable), notRead: errorMessage(error) };
    }
}

function kindMissing({ server }: ClusterClient, kind: string): PassthroughError {
    return new PassthroughError(`the cluster does not have the kind ${kind} (${CONFIG})`, {
        code: "CLUSTER_KIND_MISSING",
        place: { cluster: server },
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
        const { namespace } = object.metadata;
        const where = namespace === undefined ? {} : { namespace };
        return { object, policy: { name: policyName(object), ...where, scopes, publicKey: pem, signedIdentity } };
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
