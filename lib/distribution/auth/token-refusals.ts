import type { Challenge } from "./challenge";

/** New tokens that one request may be rejected with before the rejection counts. */
const FRESH_TOKENS = 4;

/**
 * Whether a request that the registry rejected with a new token (401) is sent again with yet another one.
 *
 * Known case: replicas of harbor-core whose clocks differ by a fraction of a second reject each other's new tokens as
 * "not valid yet", one or two requests in ten (goharbor/harbor#15911, goharbor/harbor#19796, goharbor/harbor-helm#1205);
 * the same happened at Docker Hub (moby/moby#22158), and distribution allows 60 s since distribution/distribution#1686.
 *
 * A missing right gives the same 401: at Quay without `insufficient_scope`, by which distribution tells them apart. So
 * only an account whose tokens were accepted before gets more than one, and once they did not help, no request does.
 */
export class TokenRefusals {
    private hasAccepted = false;
    private isUseless = false;

    /** The registry accepted a request with a token. */
    accept(): void {
        this.hasAccepted = true;
    }

    /**
     * A request was rejected although its token was new.
     * @param challenge in the response
     * @param refused new tokens that the request was rejected with so far
     * @returns true if the request may try one more
     */
    mayRetry(challenge: Challenge | undefined, refused: number): boolean {
        // RFC 6750 §3.1: the token is valid, the account may not do this.
        if (challenge?.parameters.error === "insufficient_scope") return false;
        if (!this.hasAccepted || this.isUseless) return false;
        if (refused < FRESH_TOKENS) return true;
        this.isUseless = true;
        return false;
    }
}
