import { connectCluster } from "../../../lib/kubernetes/connect";
import { testAuthority } from "../../support/certificates";
import { type Reply, ScriptedServer } from "../../support/http-server";
import { base64, clusterEntry, kubeconfigText } from "../../support/kubeconfig";
import { FAST, MAP, MAPS, jsonReply } from "../../support/scripted-api";

const TOKEN = "issued-token";
const ISSUED = jsonReply({ id_token: TOKEN });

let ca = "";
let api: ScriptedServer;
let provider: ScriptedServer;
let discovery: (usual: Record<string, unknown>) => Reply | Promise<Reply>;
let tokens: Reply;
let count = 0;

beforeAll(async () => {
    const authority = await testAuthority();
    ({ ca } = authority);
    const certificate = await authority.issue();
    const isLoggedIn = (authorization: string | undefined) => authorization === `Bearer ${TOKEN}`;
    api = await ScriptedServer.start(
        ({ authorization }) => (isLoggedIn(authorization) ? jsonReply(MAP) : { status: 401 }),
        certificate,
    );
    provider = await ScriptedServer.start(
        ({ method }) =>
            method === "GET"
                ? discovery({ issuer: provider.origin, token_endpoint: `${provider.origin}/token` })
                : tokens,
        certificate,
    );
});
afterAll(async () => {
    await api.stop();
    await provider.stop();
});
beforeEach(() => {
    provider.seen.length = 0;
    discovery = jsonReply;
    tokens = ISSUED;
});

/** A login of its own, without an id-token. */
function oidcUser(): Record<string, unknown> {
    const config = {
        ...{ "refresh-token": `refresh-${++count}`, "client-id": "kubectl", "idp-issuer-url": provider.origin },
        "idp-certificate-authority-data": base64(ca),
    };
    return { "auth-provider": { name: "oidc", config } };
}

const connect = (user: Record<string, unknown>) =>
    connectCluster({ kubeconfig: kubeconfigText(clusterEntry(api, ca), user), limits: FAST });

async function get(user: Record<string, unknown>) {
    const client = await connect(user);
    try {
        return await client.get(MAPS, "ca");
    } finally {
        await client.close();
    }
}

const methods = () => provider.seen.map(({ method }) => method);

test.each<[string, Reply]>([
    ["503", { status: 503 }],
    ["a lost connection", { status: 200, cutAfter: 0 }],
])("the discovery is repeated after %s, and the refresh-token is sent once", async (_, first) => {
    discovery = (usual) => (provider.seen.length === 1 ? first : jsonReply(usual));
    await expect(get(oidcUser())).resolves.toEqual(MAP);
    expect(methods()).toEqual(["GET", "GET", "POST"]);
    provider.seen.length = 0;
    tokens = { status: 503 };
    await expect(get(oidcUser())).rejects.toThrow(/503/);
    expect(methods()).toEqual(["GET", "GET", "POST"]);
});

test("a renewal that nobody waits for sends no refresh-token, and the next client begins another one", async () => {
    const user = oidcUser();
    let requested = () => {};
    const waiting = new Promise<void>((resolve) => (requested = resolve));
    let respond = () => {};
    discovery = (usual) => {
        requested();
        return new Promise<Reply>((resolve) => (respond = () => resolve(jsonReply(usual))));
    };
    const client = await connect(user);
    const pending = client.get(MAPS, "ca");
    await waiting;
    await client.close();
    await expect(pending).rejects.toThrow(/the client of the cluster is closed/);
    discovery = jsonReply;
    respond();
    await expect(get(user)).resolves.toEqual(MAP);
    expect(methods()).toEqual(["GET", "GET", "POST"]);
});
