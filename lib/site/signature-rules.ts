import type { PushSignatures, SignaturePolicy, SignatureRules } from "../signatures";
import { type Content, localRepositories } from "./content";

/** What nodes require of the signatures of a site's content. */
export function signatureRules(policies: readonly SignaturePolicy[], content: readonly Content[]): SignatureRules {
    return { policies, local: [...localRepositories(content)].sort() };
}

/**
 * What is asked before one of a site's sets is pushed; undefined if the site has no policies, or the archive of the set is not
 * on this machine.
 */
export function pushSignatures(
    policies: readonly SignaturePolicy[],
    content: readonly Content[],
    set: Pick<Content, "lock" | "at">,
): PushSignatures | undefined {
    if (policies.length === 0 || set.at !== undefined) return undefined;
    return {
        rules: signatureRules(policies, content),
        refusing: policies.filter(({ beforePush }) => beforePush === "refuse").map(({ name }) => name),
        others: content
            .filter(({ lock, at }) => lock !== set.lock && at === undefined)
            .map(({ archive, lock }) => ({ archive, lock })),
    };
}
