import { type Site, parseConnection } from "../../../lib/site";
import { withSiteRegistry } from "../../../cli/accounts/site-registry";
import { type Reply, ScriptedServer } from "../../support/http-server";

let server: ScriptedServer | undefined;

afterEach(() => server?.stop());

const ACCOUNT = {
    role: "importer" as const,
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

test("an account that GET /v2/ rejects is named with the host, where it is from and the fix, and no other request is made", async () => {
    const { message, host } = await failure(CHALLENGE, { status: 500 });
    expect(message).toBe(
        `UNAUTHORIZED (401) at ${host}: GET /v2/: the registry rejected the account pusher (pusher is from the environment); set the two variables`,
    );
});

test("with an anonymous GET /v2/ the first request that rejects the account names it likewise", async () => {
    const { message, host } = await failure({ status: 200 }, CHALLENGE);
    expect(message).toBe(
        `UNAUTHORIZED (401) at ${host}: GET mirror/quay.io/a/manifests/1: the registry rejected the account pusher (pusher is from the environment); ` +
            "set the two variables; or give it the right it lacks there",
    );
});

test("a missing right is no reason to change the account", async () => {
    const denied = JSON.stringify({ errors: [{ code: "DENIED", message: "no" }] });
    const { message, host } = await failure({ status: 200 }, { status: 403, body: denied });
    expect(message).toContain(
        `DENIED (403) at ${host}: GET mirror/quay.io/a/manifests/1: the registry denied this: no (pusher is from the environment); give the account`,
    );
});

test("a host that is no registry is reported as such", async () => {
    const { message, host } = await failure({ status: 404 }, { status: 500 });
    expect(message).toContain(
        `UNEXPECTED_RESPONSE (404) at ${host}: GET /v2/: there is no registry here; check host and port`,
    );
});

test("an account that the token server rejects is named with the host of that server and its reason", async () => {
    const tokens = await ScriptedServer.start(() => ({
        status: 401,
        body: JSON.stringify({ errors: [{ code: "UNAUTHORIZED", message: "Could not find robot" }] }),
    }));
    try {
        const challenge = { "www-authenticate": `Bearer realm="${tokens.origin}/token"` };
        const { message } = await failure({ status: 401, headers: challenge }, { status: 500 });
        expect(message).toBe(
            `UNAUTHORIZED (401) at ${tokens.host}: GET ${tokens.origin}/token (token for GET /v2/): the registry rejected ` +
                "the account pusher: Could not find robot (pusher is from the environment); set the two variables",
        );
    } finally {
        await tokens.stop();
    }
});
