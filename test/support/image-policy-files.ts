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
export function imagePolicyFiles(objects: readonly ApiObject[]): Record<string, string> {
    if (objects.length === 0) return {};
    const docker: Record<string, object[]> = {};
    for (const { scopes, policy } of objects.map(({ spec }) => spec as unknown as PolicySpec)) {
        const { keyData } = policy.rootOfTrust.publicKey;
        const requirement = { type: "sigstoreSigned", keyData, signedIdentity: identity(policy.signedIdentity) };
        for (const scope of scopes) docker[scope] = [...(docker[scope] ?? []), requirement];
    }
    const accept = [{ type: "insecureAcceptAnything" }];
    const transports = { atomic: docker, docker, "docker-daemon": { "": accept } };
    const lookups = Object.keys(docker).map((scope) => `  ${scope}:\n    use-sigstore-attachments: true\n`);
    return {
        "/etc/containers/policy.json": JSON.stringify({ default: accept, transports }, undefined, 2),
        "/etc/containers/registries.d/sigstore-registries.yaml": `docker:\n${lookups.join("")}`,
    };
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
