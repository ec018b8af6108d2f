import { readFileSync } from "node:fs";
import { Agent, type Dispatcher, request } from "undici";
import { testAuthority } from "../certificates";
import { FakeHarbor } from "./fake-harbor";

export interface HarborAnswer {
    readonly status: number;
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
    readonly text: string;
    readonly json: unknown;
}

/** A Harbor as a test of its behaviour sees it: the stand-in, or a running one that HARBOR_UNDER_TEST names. */
export interface HarborTarget {
    readonly host: string;
    /** A system administrator: `admin:<password>`. */
    readonly admin: string;
    /** @param login `user:password`, "" for none */
    ask(
        method: Dispatcher.HttpMethod,
        path: string,
        body?: unknown,
        login?: string,
        headers?: Readonly<Record<string, string>>,
    ): Promise<HarborAnswer>;
    /** Switches the read-only mode. */
    setReadOnly(isReadOnly: boolean): Promise<void>;
    /** Routes of the stand-in that are marked as seen on a real server and that the test has not asked. */
    unasked(): string[];
    stop(): Promise<void>;
}

const JSON_TYPE = { "content-type": "application/json" };

/**
 * `HARBOR_UNDER_TEST="https://localhost:18443 admin password"` runs the same questions against a real server, whose CA is
 * a file that `HARBOR_UNDER_TEST_CA` names: a difference is a defect of the stand-in.
 */
export async function harborTarget(): Promise<HarborTarget> {
    const [url, username = "", password = ""] = (process.env.HARBOR_UNDER_TEST ?? "").split(" ");
    const caFile = process.env.HARBOR_UNDER_TEST_CA;
    if (url !== undefined && url !== "") {
        const ca = caFile === undefined ? undefined : readFileSync(caFile, "utf8");
        return realTarget(new URL(url).host, `${username}:${password}`, ca);
    }
    const authority = await testAuthority();
    const fake = await FakeHarbor.start(await authority.issue());
    fake.harbor.users.push({ username: "admin", password: "Secret1234", sysadmin: true });
    const { ask, close } = asking(fake.host, "admin:Secret1234", authority.ca);
    const setReadOnly = (isReadOnly: boolean) => {
        fake.harbor.readOnly = isReadOnly;
        return Promise.resolve();
    };
    const stop = async () => {
        await close();
        await fake.stop();
    };
    return { host: fake.host, admin: "admin:Secret1234", ask, setReadOnly, unasked: () => fake.unasked(), stop };
}

function realTarget(host: string, admin: string, ca: string | undefined): HarborTarget {
    const { ask, close } = asking(host, admin, ca);
    const setReadOnly = async (isReadOnly: boolean) => {
        const { status } = await ask("PUT", "/api/v2.0/configurations", { read_only: isReadOnly });
        if (status !== 200) throw new Error(`the read-only mode was not changed: ${status}`);
    };
    return { host, admin, ask, setReadOnly, unasked: () => [], stop: close };
}

function asking(
    host: string,
    admin: string,
    ca: string | undefined,
): Pick<HarborTarget, "ask"> & { close(): Promise<void> } {
    const dispatcher = new Agent(ca === undefined ? {} : { connect: { ca } });
    const ask: HarborTarget["ask"] = async (method, path, body, login = admin, headers = JSON_TYPE) => {
        const answer = await request(`https://${host}${path}`, {
            method,
            dispatcher,
            headers: {
                ...headers,
                ...(login === "" ? {} : { authorization: `Basic ${Buffer.from(login).toString("base64")}` }),
            },
            ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
        });
        const text = await answer.body.text();
        const isJson = answer.headers["content-type"]?.includes("json") === true && text !== "";
        return {
            status: answer.statusCode,
            headers: answer.headers,
            text,
            json: isJson ? JSON.parse(text) : undefined,
        };
    };
    return { ask, close: () => dispatcher.close() };
}
