import { RegistryClient } from "../../../lib/distribution/client/registry-client";
import { DEFAULT_RETRY } from "../../../lib/distribution/limits/retry";
import type { ImportPlan } from "../../../lib/import";
import { checkBeforeFirstImport } from "../../../lib/passthrough/doctor/before-first-import";
import { type Answering, ScriptedServer } from "../../support/http-server";

const CREDENTIALS = { username: "pusher", password: "canary-password" };
const PLAN = { push: [{ blobs: [{ repository: "mirror/quay.io/app" }] }] } as unknown as ImportPlan;

let registry: ScriptedServer;
let tokens: ScriptedServer;

afterEach(async () => {
    await registry.stop();
    await tokens.stop();
});

/** A registry that begins every upload, and whose tokens come from `realm`. */
const registryWith =
    (realm: () => string): Answering =>
    ({ method, authorization }) => {
        if (authorization === undefined)
            return { status: 401, headers: { "www-authenticate": `Bearer realm="${realm()}"` } };
        if (method === "POST") return { status: 202, headers: { location: "/v2/mirror/quay.io/app/blobs/uploads/1" } };
        return { status: method === "DELETE" ? 204 : 200 };
    };

async function notes(hostOfRealm: string): Promise<readonly string[]> {
    tokens = await ScriptedServer.start(() => ({ status: 200, body: JSON.stringify({ token: "t" }) }));
    const port = tokens.host.split(":")[1] ?? "";
    registry = await ScriptedServer.start(registryWith(() => `http://${hostOfRealm}:${port}/token`));
    const client = new RegistryClient({
        endpoint: { host: registry.host.replace(/^[^:]+/, "localhost"), plainHttp: true },
        credentials: CREDENTIALS,
        requests: 1,
        retry: { ...DEFAULT_RETRY, seconds: 0 },
    });
    try {
        return await checkBeforeFirstImport(client, PLAN, "harbor");
    } finally {
        await client.close();
    }
}

function expectPasswordSent(): void {
    const { username, password } = CREDENTIALS;
    const basic = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
    expect(new Set(tokens.seen.map(({ authorization }) => authorization))).toEqual(new Set([basic]));
}

test("a token service at another host, which gets the password, is named", async () => {
    expect(await notes("127.0.0.1")).toEqual([
        expect.stringMatching(
            /^the registry localhost:\d+ names a token service at another host, 127\.0\.0\.1:\d+, which gets the password/,
        ),
    ]);
    expectPasswordSent();
});

test("one at the registry's own host is not, whatever its port and case", async () => {
    expect(await notes("LOCALHOST")).toEqual([]);
    expectPasswordSent();
});
