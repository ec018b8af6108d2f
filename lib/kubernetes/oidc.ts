import { parseJson } from "../errors/text";
import { isFields } from "./kubeconfig-document";

/**
 * The id token of the auth-provider `oidc`, which is not renewed here: a provider may accept each refresh token only once,
 * and the kubeconfig in the stack's secrets would keep the used one.
 * @param config of the kubeconfig
 * @returns with the time at which it expires, in milliseconds since 1970; absent: the token does not have it
 * @throws Error if there is none, or it has expired
 */
export function oidcToken(config: Readonly<Record<string, string>>): {
    readonly token: string;
    readonly expires?: number;
} {
    const token = config["id-token"]?.trim() ?? "";
    if (token === "") throw new Error("the auth-provider oidc has no id-token");
    const expires = readExpiry(token);
    if (expires === undefined) return { token };
    if (Date.now() >= expires) throw new Error(`the id-token expired at ${new Date(expires).toISOString()}`);
    return { token, expires };
}

/** The claim `exp` of a JWT (RFC 7519 §4.1.4), whose signature is for the API server to verify. */
function readExpiry(token: string): number | undefined {
    const [, payload = ""] = token.split(".");
    const claims = parseJson(Buffer.from(payload, "base64url").toString("utf8"));
    const exp = isFields(claims) ? claims["exp"] : undefined;
    const milliseconds = typeof exp === "number" ? exp * 1000 : NaN;
    return Number.isNaN(new Date(milliseconds).getTime()) ? undefined : milliseconds;
}
