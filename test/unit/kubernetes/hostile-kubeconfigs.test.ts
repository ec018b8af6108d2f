import { connectCluster } from "../../../lib/kubernetes/connect";
import { parseKubeconfig, readKubeconfig } from "../../../lib/kubernetes/kubeconfig";
import { clusterEntry, kubeconfigText } from "../../support/kubeconfig";
import { MAP, MAPS, ONCE, ScriptedApi, jsonReply } from "../../support/scripted-api";

const SERVER = { server: "https://api.lab.test:6443" };
const API_VERSION = "client.authentication.k8s.io/v1";

/** `field: problem` of everything that is wrong with a user, as YAML and without what is secret in it. */
function problems(user: Record<string, unknown>): string[] {
    const found = readKubeconfig(kubeconfigText(SERVER, { token: "t", ...user })).problems ?? [];
    expect(JSON.stringify(found)).not.toContain("canary");
    return found.map(({ field = "", problem }) => `${field}: ${problem}`);
}

const CONTROL = "it has a line break or another control character";

test.each<[string, Record<string, unknown>, readonly string[]]>([
    ["a line break in a user", { as: "canary\r\nHost: x" }, [`users[admin].as: ${CONTROL}`]],
    ["a NUL in a uid", { "as-uid": "1\0" }, [`users[admin].as-uid: ${CONTROL}`]],
    [
        "line breaks in groups",
        { as: "u", "as-groups": ["a", "b\n", "c\x7f"] },
        [`users[admin].as-groups[1]: ${CONTROL}`, `users[admin].as-groups[2]: ${CONTROL}`],
    ],
    [
        "a line break in an extra value",
        { as: "u", "as-user-extra": { scopes: ["view", "x\r\ny"] } },
        [`users[admin].as-user-extra.scopes[1]: ${CONTROL}`],
    ],
    [
        "half a character in an extra name",
        { as: "u", "as-user-extra": { "a\ud800": ["x"] } },
        [`users[admin].as-user-extra, a name: ${CONTROL}`],
    ],
    ["a number for a user", { as: 1000 }, ["users[admin].as: it is not a text"]],
    ["one group that is no list", { as: "u", "as-groups": "a" }, ["users[admin].as-groups: it is not a list"]],
    ["a list of extras", { as: "u", "as-user-extra": ["a"] }, ["users[admin].as-user-extra: it is not a mapping"]],
])("impersonation that cannot be sent is refused, not left out: %s", (_, user, expected) => {
    expect(problems(user)).toEqual(expected);
});

test("what a plugin is given has no NUL characters", () => {
    const nul = "it has a NUL character, which no program can be given";
    const exec = {
        apiVersion: API_VERSION,
        command: "log\0in",
        args: ["ok", "canary\0"],
        env: [
            { name: "OK", value: "1" },
            { name: "A\0", value: "1" },
            { name: "B", value: "canary\0" },
        ],
    };
    expect(problems({ exec })).toEqual(
        ["command", "args[1]", "env[1]", "env[2]"].map((place) => `users[admin].exec.${place}: ${nul}`),
    );
});

test("a list that has itself as an item is looked into once", () => {
    expect(readKubeconfig("l: &a [*a]").problems).toMatchObject([
        { problem: expect.stringMatching(/^it has no current-context/) as string },
    ]);
    expect(readKubeconfig("l: &a [*a, {<<: 1}]").problems).toMatchObject([
        { problem: expect.stringMatching(/merge key <</) as string },
    ]);
});

describe("with an API server", () => {
    let api: ScriptedApi;
    beforeAll(async () => {
        api = await ScriptedApi.create();
    });
    afterEach(() => api.end());

    test("names of other alphabets and of extras are sent as kubectl sends them", async () => {
        const headers: Record<string, unknown>[] = [];
        const server = await api.serve((request) => (headers.push(request.headers), jsonReply(MAP)));
        const user = { token: "t", as: "Jürgen 语", "as-groups": ["a"], "as-user-extra": { "a/b(c)": ["x", "y"] } };
        const kubeconfig = kubeconfigText(clusterEntry(server, api.authority.ca), user);
        const client = await connectCluster({ kubeconfig, limits: ONCE });
        await client.get(MAPS, "ca");
        await client.close();
        const [sent = {}] = headers;
        expect(Buffer.from(String(sent["impersonate-user"]), "latin1").toString("utf8")).toBe("Jürgen 语");
        expect(sent).toMatchObject({ "impersonate-group": "a", "impersonate-extra-a%2fb%28c%29": "x, y" });
    });

    test.each([
        ["refuses the login", "CLUSTER_LOGIN_REJECTED", { status: 401 }],
        ["refuses a right", "CLUSTER_FORBIDDEN", jsonReply({ kind: "Status", apiVersion: "v1", message: "no" }, 403)],
        ["is something else", "CLUSTER_RESPONSE_UNKNOWN", { status: 200, body: "<form>" }],
        ["is gone", "CLUSTER_UNREACHABLE", { status: 200, cutAfter: 0 }],
    ])("a server that %s is reported with the key of its kubeconfig", async (_, code, reply) => {
        const server = await api.serve(() => reply);
        const kubeconfig = kubeconfigText(clusterEntry(server, api.authority.ca), { token: "t" });
        const key = "site.clusters.east.apply.kubeconfigFile";
        const client = await connectCluster({ kubeconfig, key, limits: ONCE });
        await expect(client.get(MAPS, "ca")).rejects.toMatchObject({
            code,
            fix: expect.stringMatching(/ \(kubeconfig: site\.clusters\.east\.apply\.kubeconfigFile\)$/) as string,
        });
        await client.close();
    });

    test("a kubeconfig that is none is reported at its key", async () => {
        await expect(connectCluster({ kubeconfig: "{}", key: "kubeconfig-east" })).rejects.toThrow(
            /^KUBECONFIG_INVALID at kubeconfig-east: kubeconfig: it has no current-context/,
        );
        expect(() => parseKubeconfig("{}")).toThrow(/^KUBECONFIG_INVALID: kubeconfig: /);
    });
});
