import { parseBody } from "../admin-client";
import { z } from "zod";
import type { Credentials } from "../../http/credentials";
import { RegistryError } from "../../errors/errors";
import { statusProblem } from "../../distribution/client/response-errors";
import { type QuayResponse, quayError } from "./response";
import { notQuay } from "./site-config";
import { ANONYMOUS, type Authorization, type QuayApi, expect } from "./quay-api";

/** Cookies as a browser keeps them for one origin; their attributes do not matter, since they are sent nowhere else. */
class Cookies {
    private readonly jar = new Map<string, string>();

    take(header: string | string[] | undefined): void {
        for (const line of header === undefined ? [] : [header].flat()) {
            const [pair = ""] = line.split(";");
            const at = pair.indexOf("=");
            if (at > 0) this.jar.set(pair.slice(0, at).trim(), pair.slice(at + 1).trim());
        }
    }

    get header(): string {
        return [...this.jar].map(([name, value]) => `${name}=${value}`).join("; ");
    }
}

const csrfToken = z.object({ csrf_token: z.string().min(1) });

/**
 * Signs in as the web interface does: `GET /csrf_token`, then `POST /api/v1/signin`. Basic authentication is not
 * accepted by Quay's API. A refused password is not tried again: Quay slows down every sign-in of that account then.
 * Nobody signs out: that would end every other session of the account as well.
 */
export async function signIn(api: QuayApi, { username, password }: Credentials): Promise<Authorization> {
    const { cookies, csrf } = await begin(api);
    const signing = api.as(session(cookies, csrf, username));
    // 429 comes with the seconds to wait; what was refused was not looked at, so it is no second try.
    const response = await api.retrying(() => signing.once("POST", "/api/v1/signin", { username, password }));
    const next = response.headers["x-next-csrf-token"];
    if (response.status !== 200 || typeof next !== "string") throw signInError(username, response);
    cookies.take(response.headers["set-cookie"]);
    return session(cookies, next, username);
}

async function begin(api: QuayApi): Promise<{ cookies: Cookies; csrf: string }> {
    const cookies = new Cookies();
    const first = await api.as(ANONYMOUS).get("/csrf_token");
    if (first.status === 404) throw notQuay(first.context, "there is no Quay >= 3.8 here (404)");
    const { csrf_token: csrf } = parseBody(expect(first, 200), csrfToken);
    cookies.take(first.headers["set-cookie"]);
    return { cookies, csrf };
}

function session(cookies: Cookies, csrf: string, account: string | undefined): Authorization {
    return { account, headers: () => Promise.resolve({ cookie: cookies.header, "x-csrf-token": csrf }) };
}

function signInError(username: string, response: QuayResponse): RegistryError {
    if (response.status === 403 || response.status === 200) {
        return new RegistryError(statusProblem(401, response.reason, { account: username }), {
            ...response.context,
            code: "UNAUTHORIZED",
            status: response.status,
            fix: "set registryUsername and registryPassword of the stack; if FEATURE_DIRECT_LOGIN is off, set registryToken",
        });
    }
    return quayError(response);
}
