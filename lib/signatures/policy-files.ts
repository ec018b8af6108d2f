import { type SignaturePolicy, policiesInForce } from "./policy";
import type { SignedIdentity } from "./signed-identity";

/** A requirement of policy.json (containers-policy.json(5), `sigstoreSigned`). */
interface Requirement {
    readonly type: "sigstoreSigned";
    /** PEM, base64. */
    readonly keyData: string;
    readonly signedIdentity: Readonly<Record<string, string>>;
}

/**
 * The policies as /etc/containers/policy.json, JSON: what the machine-config operator makes of ClusterImagePolicy objects.
 * Every other image is accepted.
 * @param namespace whose pods the file is for (/etc/crio/policies/<namespace>.json); absent: all without such a file
 */
export function policyJson(policies: readonly SignaturePolicy[], namespace?: string): string {
    const docker: Record<string, Requirement[]> = {};
    const ofFile = policiesInForce(policies).filter((policy) => [undefined, namespace].includes(policy.namespace));
    for (const policy of ofFile) {
        for (const scope of policy.scopes) (docker[scope] ??= []).push(requirement(policy));
    }
    const transports = {
        ...(Object.keys(docker).length === 0 ? {} : { docker }),
        "docker-daemon": { "": [{ type: "insecureAcceptAnything" }] },
    };
    return `${JSON.stringify({ default: [{ type: "insecureAcceptAnything" }], transports }, undefined, 2)}\n`;
}

function requirement({ publicKey, signedIdentity }: SignaturePolicy): Requirement {
    return {
        type: "sigstoreSigned",
        keyData: Buffer.from(publicKey).toString("base64"),
        signedIdentity: identityJson(signedIdentity),
    };
}

function identityJson(identity: SignedIdentity): Record<string, string> {
    switch (identity.matchPolicy) {
        case "MatchRepoDigestOrExact":
            return { type: "matchRepoDigestOrExact" };
        case "MatchRepository":
            return { type: "matchRepository" };
        case "ExactRepository":
            return { type: "exactRepository", dockerRepository: identity.exactRepository.repository };
        case "RemapIdentity":
            return { type: "remapIdentity", ...identity.remapIdentity };
    }
}

/**
 * A file for /etc/containers/registries.d, YAML: without it no signature is looked up. It names the places where
 * signatures are read, which are those of the mirror.
 * @param places `host[:port]` or `host[:port]/path`
 */
export function registriesD(places: readonly string[]): string {
    const lines = [...new Set(places)].sort().flatMap((place) => [`  ${place}:`, "    use-sigstore-attachments: true"]);
    return ["docker:", ...lines, ""].join("\n");
}
