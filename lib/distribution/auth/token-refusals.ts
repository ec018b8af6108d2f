import type { Challenge } from "./challenge";

/** New tokens that one request may be rejected with before the rejection counts. */
const FRESH_TOKENS = 4;
/** The same for `GET /v2/`. */
const FRESH_GREETING_TOKENS = 3;

/**
 * Whether a request that the registry rejected with a new token (401) is sent again with yet another one.
 *
 * Known case: replicas of harbor-core whose clocks differ by a fraction of a second reject each other's new tokens as
 * "not valid yet", one or two requests in ten (goharbor/harbor#15911, goharbor/harbor#19796, goharbor/harbor-helm#1205);
 * the same happened at Docker Hub (moby/moby#22158), and distribution allows 60 s since distribution/distribution#1686.
 *
 * A missing right gives the same 401: at Quay without `insufficient_scope`, by which distribution tells them apart. So
 * only an account whose tokens were accepted before gets more than one, and once they did not help, no request does.
 * `GET /v2/` needs no right, so its 401 says nothing about the account: instances behind a load balancer that do not share
 * the key of their tokens reject about every second one.
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
     * @param isGreeting the request is `GET /v2/`
     * @returns true if the request may try one more
     */
    mayRetry(challenge: Challenge | undefined, refused: number, isGreeting = false): boolean {
        // RFC 6750 §3.1: the token is valid, the account may not do this.
        if (challenge?.parameters.error === "insufficient_scope") return false;
        if (isGreeting) return refused < FRESH_GREETING_TOKENS;
        if (!this.hasAccepted || this.isUseless) return false;
        if (refused < FRESH_TOKENS) return true;
        this.isUseless = true;
        return false;
    }
}
