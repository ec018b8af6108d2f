/** What a header may carry of a token (RFC 9110 §5.5). */
const VISIBLE = /^[\x21-\x7e]+$/;

/** A bearer token and when it is to be renewed, in milliseconds since the epoch. */
export interface BearerToken {
    readonly token: string;
    /** Milliseconds since the epoch, by our clock. */
    readonly givenAt: number;
    readonly renewAt: number;
}

/** A token endpoint that names no lifetime grants 60 s (distribution, "Token Authentication Specification"). */
const DEFAULT_LIFETIME = 60;

/**
 * Reads the answer of a token endpoint. Renewal is due when nine tenths of the lifetime are over.
 * @returns undefined if the answer holds no token.
 */
export function readToken(response: unknown, now: number): BearerToken | undefined {
    if (typeof response !== "object" || response === null) return undefined;
    const { token, access_token, expires_in } = response as Record<string, unknown>;
    // Harbor sends an empty access_token beside token.
    const found = [token, access_token].find((value) => typeof value === "string" && VISIBLE.test(value));
    if (typeof found !== "string") return undefined;
    const lifetime = typeof expires_in === "number" && expires_in > 0 ? expires_in : DEFAULT_LIFETIME;
    return { token: found, givenAt: now, renewAt: now + lifetime * 900 };
}
