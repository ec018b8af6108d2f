import type { Challenge } from "./challenge";

/** Fresh tokens that one request may be refused with before the refusal is believed. */
export const FRESH_TOKENS = 4;

/**
 * What the refusals of fresh tokens mean for one account. A token that ends while a body is on its way, or a clock that
 * is a little off, passes; a right that the account does not have never does. So another token is worth its while only
 * where this account was let in before, and nobody is kept waiting for the same right again after waiting was in vain.
 */
export class TokenRefusals {
    /** Scopes that a request with a token was let in with. */
    private readonly accepted = new Set<string>();
    private readonly acceptedActions = new Set<string>();
    /** Waiting was in vain for a scope that was never let in: others of that kind lack the right too. */
    private strangersAreOut = false;
    /** Kinds of requests that waiting was in vain for, and none of the kind was let in since. */
    private readonly inVain = new Set<string>();

    /**
     * A request with a token for these scopes was let in.
     * @param kind what a registry may refuse while it takes others: PUT, where POST is let in with the same token
     */
    letIn(kind: string, scopes: readonly string[]): void {
        this.accepted.add(keyOf(scopes));
        this.acceptedActions.add(actionsOf(scopes));
        this.inVain.delete(kind);
    }

    /**
     * A request was refused although its token was new.
     * @param challenge the registry's answer to it
     * @param refused fresh tokens that it was refused with so far
     * @returns true if it may try one more
     */
    mayPass(kind: string, scopes: readonly string[], challenge: Challenge | undefined, refused: number): boolean {
        // RFC 6750 §3.1: the token is good, the account may not do this.
        if (challenge?.parameters.error === "insufficient_scope") return false;
        const isKnown = this.accepted.has(keyOf(scopes));
        if (!isKnown && (this.strangersAreOut || !this.acceptedActions.has(actionsOf(scopes)))) return false;
        if (this.inVain.has(kind)) return false;
        if (refused < FRESH_TOKENS) return true;
        if (!isKnown) this.strangersAreOut = true;
        this.inVain.add(kind);
        return false;
    }
}

function keyOf(scopes: readonly string[]): string {
    return scopes.join(" ");
}

/** `pull` or `pull,push`, whichever the repository. */
function actionsOf(scopes: readonly string[]): string {
    return scopes.map((scope) => scope.slice(scope.lastIndexOf(":") + 1)).join(" ");
}
