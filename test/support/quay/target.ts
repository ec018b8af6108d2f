import { readFileSync } from "node:fs";
import { Agent, type Dispatcher, request } from "undici";
import { FakeQuay } from "./fake-quay";

/** A Quay as a test of its behaviour sees it: the fake, or a running one that QUAY_UNDER_TEST names. */
export interface QuayTarget {
    readonly url: string;
    readonly username: string;
    readonly password: string;
    /** An OAuth token of that user with every scope. */
    readonly token: string;
    /** Asks as that user, unless another token (or "" for none) is given. */
    ask(method: Dispatcher.HttpMethod, path: string, body?: unknown, options?: AskOptions): Promise<Answer>;
    /** Routes of the stand-in that are marked as seen on a real server and that the test has not asked. */
    unasked(): string[];
    stop(): Promise<void>;
}

export interface AskOptions {
    readonly token?: string;
    readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
    readonly status: number;
    readonly type: string;
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
    readonly text: string;
    readonly json: unknown;
}

/**
 * `QUAY_UNDER_TEST="http://localhost:8080 user password token"` runs the same questions against a real server with the
 * settings of mirror-registry: a difference is a defect of the fake. The CA of one with TLS is a file that
 * `QUAY_UNDER_TEST_CA` names.
 */
export async function quayTarget(): Promise<QuayTarget> {
    const [url, username = "", password = "", token = ""] = (process.env.QUAY_UNDER_TEST ?? "").split(" ");
    if (url !== undefined && url !== "")
        return target(url, username, password, token, { unasked: () => [], stop: () => Promise.resolve() });
    const fake = await FakeQuay.start("mirror-registry");
    fake.model.addUser("init", "canary-password-51d0");
    const all = ["org:admin", "user:admin", "repo:create", "repo:admin", "repo:read", "repo:write", "super:user"];
    return target(fake.url, "init", "canary-password-51d0", fake.model.addGrant("init", all), fake);
}

function target(
    url: string,
    username: string,
    password: string,
    token: string,
    server: Pick<QuayTarget, "unasked" | "stop">,
): QuayTarget {
    const ca = process.env.QUAY_UNDER_TEST_CA;
    const agent = new Agent(ca === undefined ? {} : { connect: { ca: readFileSync(ca, "utf8") } });
    const ask: QuayTarget["ask"] = async (method, path, body, options = {}) => {
        const shown = options.token ?? token;
        const answer = await request(`${url}${path}`, {
            method,
            dispatcher: agent,
            headers: {
                ...(shown === "" ? {} : { authorization: `Bearer ${shown}` }),
                ...(body === undefined ? {} : { "content-type": "application/json" }),
                ...options.headers,
            },
            ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
        });
        const text = await answer.body.text();
        const type = answer.headers["content-type"];
        const { statusCode: status, headers } = answer;
        return { status, headers, type: typeof type === "string" ? type : "", text, json: parseJson(text) };
    };
    const end = async () => {
        await agent.close();
        await server.stop();
    };
    return { url, username, password, token, ask, unasked: () => server.unasked(), stop: end };
}

function parseJson(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        return undefined;
    }
}
