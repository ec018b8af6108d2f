import { type SignedName, formatSignedName, parseSignedName } from "./signed-name";

/** Which name a signature must carry, in the words of ClusterImagePolicy (config.openshift.io/v1, PolicyIdentity). */
export type SignedIdentity =
    | { readonly matchPolicy: "MatchRepoDigestOrExact" }
    | { readonly matchPolicy: "MatchRepository" }
    | { readonly matchPolicy: "ExactRepository"; readonly exactRepository: { readonly repository: string } }
    | {
          readonly matchPolicy: "RemapIdentity";
          readonly remapIdentity: { readonly prefix: string; readonly signedPrefix: string };
      };

/** What a policy without `signedIdentity` means. */
export const DEFAULT_IDENTITY: SignedIdentity = { matchPolicy: "MatchRepoDigestOrExact" };

/**
 * True if a policy accepts the name that a signature carries (go.podman.io/image, signature/policy_reference_match.go).
 * @param pulled the upstream name of the image, with its digest or its tag: what the pod asks for, not the mirror's
 * @param signed `critical.identity.docker-reference` of the signature
 */
export function matchesIdentity(identity: SignedIdentity, pulled: SignedName, signed: string): boolean {
    const claimed = parseSignedName(signed);
    if (claimed === undefined) return false;
    switch (identity.matchPolicy) {
        case "MatchRepoDigestOrExact":
            return matchesRepoDigestOrExact(pulled, claimed);
        case "MatchRepository":
            return claimed.name === pulled.name;
        case "ExactRepository":
            return claimed.name === parseSignedName(identity.exactRepository.repository)?.name;
        case "RemapIdentity": {
            const remapped = remap(pulled, identity.remapIdentity);
            return remapped !== undefined && matchesRepoDigestOrExact(remapped, claimed);
        }
    }
}

/** A signature for a bare repository, as cosign makes it by default, is for no image in particular. */
function matchesRepoDigestOrExact(pulled: SignedName, claimed: SignedName): boolean {
    if (claimed.tag === undefined && claimed.digest === undefined) return false;
    if (pulled.tag !== undefined) return formatSignedName(claimed) === formatSignedName(pulled);
    return pulled.digest !== undefined && claimed.name === pulled.name;
}

/** Undefined if the new name is none, or none in canonical form. */
function remap(
    pulled: SignedName,
    { prefix, signedPrefix }: { readonly prefix: string; readonly signedPrefix: string },
): SignedName | undefined {
    if (pulled.name !== prefix && !pulled.name.startsWith(`${prefix}/`)) return pulled;
    const text = signedPrefix + formatSignedName(pulled).slice(prefix.length);
    const remapped = parseSignedName(text);
    return remapped !== undefined && formatSignedName(remapped) === text ? remapped : undefined;
}
