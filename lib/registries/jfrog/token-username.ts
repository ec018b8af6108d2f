import { z } from "zod";
import { parseJson } from "../../errors/text";

/** `jfac@01h…/users/admin` */
const claims = z.object({ sub: z.string() });

/**
 * Whose an access token is, which it logs in as (JFrog Platform Administration, "Basic Authentication": "the same user name
 * provided when creating the token"). A reference token does not show it.
 */
export function tokenUsername(token: string): string {
    const [, payload = ""] = token.split(".");
    const { sub = "" } = claims.safeParse(parseJson(Buffer.from(payload, "base64url").toString("utf8"))).data ?? {};
    return sub === "" ? "token" : usernameOfSubject(sub);
}

/** The user name in the subject of an access token: `jfac@01h…/users/mirror-importer-1`. */
export function usernameOfSubject(subject: string): string {
    return subject.slice(subject.lastIndexOf("/") + 1);
}
