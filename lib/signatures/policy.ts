import type { SignedIdentity } from "./signed-identity";
import { type SignedName, formatSignedName } from "./signed-name";

/** Who must have signed the images of some scopes: a ClusterImagePolicy with a public key. */
export interface SignaturePolicy {
    /** Name of the object. */
    readonly name: string;
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
 * the same scope apply together, since the machine-config operator writes all of them into the scope's list.
 * @param pulled upstream name with its digest or its tag
 * @returns an image must satisfy each of them; none: nodes ask for no signature
 */
export function decidingPolicies(policies: readonly SignaturePolicy[], pulled: SignedName): readonly DecidingPolicy[] {
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
