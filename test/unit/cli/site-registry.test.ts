import { type Site, parseConnection } from "../../../lib/site";
import { withSiteRegistry } from "../../../cli/accounts/site-registry";
import { type Reply, ScriptedServer } from "../../support/http-server";

let server: ScriptedServer | undefined;

afterEach(() => server?.stop());

const ACCOUNT = {
    credentials: { username: "pusher", password: "canary-password-5e1d" },
    ...{ from: "the environment", fix: "set the two variables" },
};
const CHALLENGE = { status: 401, headers: { "www-authenticate": 'Basic realm="r"' } };

/** What a command ends with whose registry answers `greeting` to `/v2/`, and `rest` to everything else. */
async function failure(greeting: Reply, rest: Reply): Promise<{ message: string; host: string }> {
    server = await ScriptedServer.start(({ url }) => (url === "/v2/" ? greeting : rest));
    const { host } = server;
    const registry = parseConnection({
        type: "distribution",
        mirrorBase: `${host}/mirror`,
        plainHttp: true,
        retrySeconds: 0,
    });
    const site = { registry, concurrency: 1 } as unknown as Site;
    const { signal } = new AbortController();
    try {
        await withSiteRegistry(site, ACCOUNT, signal, (client) => client.manifestGet("mirror/quay.io/a", "1"));
    } catch (error) {
        return { message: (error as Error).message, host };
    }
    throw new Error("nothing failed");
}

test("an account that is refused at the door is told with host, name, place and what to change there, and nothing is asked", async () => {
    const { message, host } = await failure(CHALLENGE, { status: 500 });
    expect(message).toBe(
        `UNAUTHORIZED (401) at ${host}: GET /v2/: the registry rejected the account pusher, which is from the environment; set the two variables`,
    );
});

test("where anybody may greet, the refusal of the first question is told likewise", async () => {
    const { message, host } = await failure({ status: 200 }, CHALLENGE);
    expect(message).toBe(
        `UNAUTHORIZED (401) at ${host}: GET mirror/quay.io/a/manifests/1: the registry rejected the account pusher (pusher is from the environment); ` +
            "set the two variables; or give it the right it lacks there",
    );
});

test("a right that is lacking is no reason to change the account", async () => {
    const denied = JSON.stringify({ errors: [{ code: "DENIED", message: "no" }] });
    const { message, host } = await failure({ status: 200 }, { status: 403, body: denied });
    expect(message).toContain(
        `DENIED (403) at ${host}: GET mirror/quay.io/a/manifests/1: the registry denied this: no (pusher is from the environment); give the account`,
    );
});

test("a place that is no registry is told as that", async () => {
    const { message, host } = await failure({ status: 404 }, { status: 500 });
    expect(message).toContain(
        `UNEXPECTED_RESPONSE (404) at ${host}: GET /v2/: there is no registry here; check host and port`,
    );
});
