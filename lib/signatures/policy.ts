import { isNestedScope } from "../oci/scope";
import type { SignedIdentity } from "./signed-identity";
import { type SignedName, formatSignedName } from "./signed-name";

/** Who must have signed the images of some scopes: a ClusterImagePolicy or an ImagePolicy with a public key. */
export interface SignaturePolicy {
    /** Of a ClusterImagePolicy its name; of an ImagePolicy `<namespace>/<name>`. */
    readonly name: string;
    /** Only pods of this namespace are asked for signatures: an ImagePolicy. Absent: all are, a ClusterImagePolicy. */
    readonly namespace?: string;
    /** Names of images, repositories, namespaces or hosts, or `*.<domain>`. */
    readonly scopes: readonly string[];
    /** PEM, of `checkedPublicKey`. */
    readonly publicKey: string;
    readonly signedIdentity: SignedIdentity;
    /** An image that nodes refuse by this policy is not pushed, nor is its set; absent: an import names it. */
    readonly beforePush?: "refuse";
}

/** A policy that decides about an image, and the scope by which it does. */
export interface DecidingPolicy {
    readonly policy: SignaturePolicy;
    readonly scope: string;
}

/**
 * The policies of the most specific scope that covers a name: those of wider scopes are ignored. Several policies with
 * the same scope apply together, since the machine-config operator writes all of them into the scope's list. Pods of a
 * namespace with policies have these beside those of the cluster.
 * @param pulled upstream name with its digest or its tag
 * @returns an image must satisfy each of them for pods of any namespace; none: nodes ask for no signature
 */
export function decidingPolicies(policies: readonly SignaturePolicy[], pulled: SignedName): readonly DecidingPolicy[] {
    const ofCluster = policies.filter(({ namespace }) => namespace === undefined);
    const found = [...mostSpecific(ofCluster, pulled)];
    if (ofCluster.length === policies.length) return found;
    const effective = policiesInForce(policies);
    for (const own of new Set(policies.flatMap(({ namespace }) => namespace ?? []))) {
        const forPods = effective.filter(({ namespace }) => namespace === undefined || namespace === own);
        const isKnown = (one: DecidingPolicy) =>
            found.some(({ policy, scope }) => policy.name === one.policy.name && scope === one.scope);
        found.push(...mostSpecific(forPods, pulled).filter((one) => !isKnown(one)));
    }
    return found;
}

/**
 * Policies with the scopes that nodes have of them: a scope of a namespace's policy that is equal to one of a
 * ClusterImagePolicy, or lies inside it, is left out (machine-config-operator, pkg/controller/container-runtime-config,
 * getValidScopePolicies).
 * @param more scopes of further ClusterImagePolicies
 */
export function policiesInForce(policies: readonly SignaturePolicy[], more: readonly string[] = []): SignaturePolicy[] {
    const ofCluster = policies.filter(({ namespace }) => namespace === undefined).flatMap(({ scopes }) => scopes);
    const outer = [...ofCluster, ...more];
    return policies.flatMap((policy) => {
        if (policy.namespace === undefined) return [policy];
        const scopes = policy.scopes.filter((scope) => !outer.some((other) => isNestedScope(scope, other)));
        return scopes.length === 0 ? [] : [{ ...policy, scopes }];
    });
}

/**
 * Scopes of policies of namespaces that have no effect, as sentences.
 * @param others ClusterImagePolicies beside those among the policies
 */
export function policiesWithoutEffect(
    policies: readonly SignaturePolicy[],
    others: readonly Pick<SignaturePolicy, "name" | "scopes">[] = [],
): string[] {
    const ofCluster = [...policies.filter(({ namespace }) => namespace === undefined), ...others];
    return policies
        .filter(({ namespace }) => namespace !== undefined)
        .flatMap(({ name, scopes }) =>
            scopes.flatMap((scope) => {
                const stronger = ofCluster.find((other) => other.scopes.some((outer) => isNestedScope(scope, outer)));
                if (stronger === undefined) return [];
                return [
                    `${scope} of ImagePolicy ${name} has no effect: ClusterImagePolicy ${stronger.name} covers it, and that alone counts`,
                ];
            }),
        );
}

function mostSpecific(policies: readonly SignaturePolicy[], pulled: SignedName): readonly DecidingPolicy[] {
    for (const scope of scopesOf(pulled)) {
        const found = policies.filter(({ scopes }) => scopes.includes(scope));
        if (found.length > 0) return found.map((policy) => ({ policy, scope }));
    }
    return [];
}

/** The same without the scope. */
export function policiesOf(policies: readonly SignaturePolicy[], pulled: SignedName): readonly SignaturePolicy[] {
    return decidingPolicies(policies, pulled).map(({ policy }) => policy);
}

/**
 * Scopes that cover a name, the most specific one first: the image, its repository, each namespace above it, the host,
 * wildcards (go.podman.io/image, docker/policyconfiguration).
 */
function scopesOf(pulled: SignedName): string[] {
    const parts = pulled.name.split("/");
    const prefixes = parts.map((_, at) => parts.slice(0, parts.length - at).join("/"));
    const labels = (parts[0] ?? "").split(":", 1).join().split(".");
    const wildcards = labels.slice(1).map((_, at) => `*.${labels.slice(at + 1).join(".")}`);
    return [formatSignedName(pulled), ...prefixes, ...wildcards];
}
