import { readFileSync } from "node:fs";
import { Agent, type Dispatcher, request } from "undici";
import { testAuthority } from "../certificates";
import { FakeJFrog } from "./fake-jfrog";

export interface JFrogAnswer {
    readonly status: number;
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
    readonly text: string;
    readonly json: unknown;
}

/** An Artifactory as a test of its behaviour sees it: the stand-in, or a running one that JFROG_UNDER_TEST names. */
export interface JFrogTarget {
    readonly host: string;
    /** @param authorization absent: an administrator's token; "" for none */
    ask(method: Dispatcher.HttpMethod, path: string, body?: unknown, authorization?: string): Promise<JFrogAnswer>;
    stop(): Promise<void>;
}

/**
 * `JFROG_UNDER_TEST="https://artifactory.example <an administrator's token>"` asks a real server the same, whose CA is a file
 * that `JFROG_UNDER_TEST_CA` names: a difference is a defect of the stand-in.
 */
export async function jfrogTarget(): Promise<JFrogTarget> {
    const [url = "", token = ""] = (process.env.JFROG_UNDER_TEST ?? "").split(" ");
    const caFile = process.env.JFROG_UNDER_TEST_CA;
    if (url !== "") {
        const ca = caFile === undefined ? undefined : readFileSync(caFile, "utf8");
        return target(new URL(url).host, token, ca);
    }
    const authority = await testAuthority();
    const fake = await FakeJFrog.start(await authority.issue());
    const { secret } = fake.platform.addToken("admin", "applied-permissions/admin", 0);
    const { host, ask, stop } = target(fake.host, secret, authority.ca);
    return {
        host,
        ask,
        stop: async () => {
            await stop();
            await fake.stop();
        },
    };
}

function target(host: string, token: string, ca: string | undefined): JFrogTarget {
    const dispatcher = new Agent(ca === undefined ? {} : { connect: { ca } });
    const ask: JFrogTarget["ask"] = async (method, path, body, authorization = `Bearer ${token}`) => {
        const answer = await request(`https://${host}${path}`, {
            method,
            dispatcher,
            headers: {
                "content-type": "application/json",
                ...(authorization === "" ? {} : { authorization }),
            },
            ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        const text = await answer.body.text();
        const isJson = answer.headers["content-type"]?.includes("json") === true && text !== "";
        const json: unknown = isJson ? JSON.parse(text) : undefined;
        return { status: answer.statusCode, headers: answer.headers, text, json };
    };
    return { host, ask, stop: () => dispatcher.close() };
}
