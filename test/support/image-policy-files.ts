import { isNestedScope } from "../../lib/oci/scope";
import type { ApiObject } from "./cluster/api-client";

interface PolicySpec {
    readonly scopes: readonly string[];
    readonly policy: {
        readonly rootOfTrust: { readonly publicKey: { readonly keyData: string } };
        readonly signedIdentity?: {
            readonly matchPolicy: string;
            readonly exactRepository?: { readonly repository: string };
            readonly remapIdentity?: { readonly prefix: string; readonly signedPrefix: string };
        };
    };
}

/**
 * What the machine-config operator makes of policies with a public key: policy.json, and the file that has signatures
 * looked up (pkg/controller/container-runtime-config, policyItemFromSpec, updatePolicyJSON,
 * generateSigstoreRegistriesdConfig, without the mirrors, which it adds to the latter). None: no files.
 */
export function imagePolicyFiles(
    objects: readonly ApiObject[],
    ofNamespaces: readonly ApiObject[] = [],
): Record<string, string> {
    if (objects.length + ofNamespaces.length === 0) return {};
    const docker = requirements(objects);
    const namespaces = [...new Set(ofNamespaces.map(({ metadata }) => metadata.namespace ?? ""))];
    // updateNamespacedPolicyJSONs: what the cluster has, and the namespace's scopes that no ClusterImagePolicy covers.
    const own = namespaces.map((namespace) => {
        const all = requirements(ofNamespaces.filter(({ metadata }) => metadata.namespace === namespace));
        const isCovered = (scope: string) => Object.keys(docker).some((outer) => isNestedScope(scope, outer));
        return [namespace, Object.fromEntries(Object.entries(all).filter(([scope]) => !isCovered(scope)))] as const;
    });
    const inForce = own.filter(([, scopes]) => Object.keys(scopes).length > 0);
    const accept = [{ type: "insecureAcceptAnything" }];
    const file = (scopes: object) => {
        const transports = { atomic: scopes, docker: scopes, "docker-daemon": { "": accept } };
        return JSON.stringify({ default: accept, transports }, undefined, 2);
    };
    const looked = new Set([docker, ...inForce.map(([, scopes]) => scopes)].flatMap((scopes) => Object.keys(scopes)));
    const lookups = [...looked].map((scope) => `  ${scope}:\n    use-sigstore-attachments: true\n`);
    return {
        "/etc/containers/policy.json": file(docker),
        ...Object.fromEntries(
            inForce.map(([name, scopes]) => [`/etc/crio/policies/${name}.json`, file({ ...docker, ...scopes })]),
        ),
        "/etc/containers/registries.d/sigstore-registries.yaml": `docker:\n${lookups.join("")}`,
    };
}

function requirements(objects: readonly ApiObject[]): Record<string, object[]> {
    const docker: Record<string, object[]> = {};
    for (const { scopes, policy } of objects.map(({ spec }) => spec as unknown as PolicySpec)) {
        const { keyData } = policy.rootOfTrust.publicKey;
        const requirement = { type: "sigstoreSigned", keyData, signedIdentity: identity(policy.signedIdentity) };
        for (const scope of scopes) docker[scope] = [...(docker[scope] ?? []), requirement];
    }
    return docker;
}

function identity(wanted: PolicySpec["policy"]["signedIdentity"]): object {
    switch (wanted?.matchPolicy) {
        case "MatchRepository":
            return { type: "matchRepository" };
        case "ExactRepository":
            return { type: "exactRepository", dockerRepository: wanted.exactRepository?.repository };
        case "RemapIdentity":
            return { type: "remapIdentity", ...wanted.remapIdentity };
        case "MatchRepoDigestOrExact":
        case undefined:
        default:
            return { type: "matchRepoDigestOrExact" };
    }
}
