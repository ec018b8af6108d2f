import { clockWarning } from "../../../dynamic-providers/registry-deployment/clock";
import type { ClusterClient, KubernetesObject } from "../../../lib/kubernetes/cluster-client";
import type { Answering, Reply } from "../../support/http-server";
import {
    FAST,
    MAP,
    MAPS,
    ONCE,
    PAGE_NOT_FOUND,
    ScriptedApi,
    TOKEN,
    failure,
    jsonReply,
} from "../../support/scripted-api";

const RULES = { apiVersion: "config.openshift.io/v1", resource: "imagedigestmirrorsets" };
let api: ScriptedApi;
beforeAll(async () => {
    api = await ScriptedApi.create();
});
afterEach(() => api.end());

const getMap = (client: ClusterClient) => client.get(MAPS, "ca");
const notFound = (name: string) =>
    failure(404, "NotFound", `configmaps "${name}" not found`, { name, kind: "configmaps" });

test("reads an object with the token of the kubeconfig", async () => {
    const server = await api.serve(() => jsonReply(MAP));
    await expect((await api.connect(server)).get(MAPS, "ca")).resolves.toEqual(MAP);
    expect(server.seen).toMatchObject([
        { method: "GET", url: "/api/v1/namespaces/openshift-config/configmaps/ca", authorization: `Bearer ${TOKEN}` },
    ]);
});

test("the clock of the API is compared with that of this machine", async () => {
    const reply = jsonReply(MAP);
    const dates = [new Date(Date.now() - 3_600_000).toUTCString(), new Date().toUTCString(), "yesterday"];
    const server = await api.serve((_, count) => ({
        ...reply,
        headers: { ...reply.headers, date: dates[count - 1] ?? "" },
    }));
    const client = await api.connect(server);
    expect(clockWarning(client)).toBeUndefined();
    await getMap(client);
    expect(clockWarning(client)).toMatch(
        /^the clock of https:.*: it is 60 minutes behind that of this machine; nodes may not take/,
    );
    for (let i = 0; i < 2; i++) {
        await getMap(client);
        expect(clockWarning(client)).toBeUndefined();
    }
    expect(client.clockDifference).toBeUndefined();
});

test("an object is missing only if the API names it", async () => {
    const server = await api.serve(() => notFound("ca"));
    await expect((await api.connect(server)).get(MAPS, "ca")).resolves.toBeUndefined();
    const other = await api.errorOf(() => notFound("another"), getMap);
    expect(other.code).toBe("CLUSTER_RESPONSE_UNKNOWN");
});

test.each<[string, Reply, string]>([
    [
        "a page of a load balancer",
        { status: 404, headers: { "content-type": "text/html" }, body: "<h1>404</h1>" },
        "CLUSTER_RESPONSE_UNKNOWN",
    ],
    [
        "a 403 of a proxy",
        { status: 403, headers: { "content-type": "text/html" }, body: "no" },
        "CLUSTER_RESPONSE_UNKNOWN",
    ],
    ["a redirect to a login page", { status: 302, headers: { location: "/login" } }, "CLUSTER_RESPONSE_UNKNOWN"],
    [
        "a login page",
        { status: 200, headers: { "content-type": "text/html" }, body: "<form>" },
        "CLUSTER_RESPONSE_UNKNOWN",
    ],
    ["another object", jsonReply({ ...MAP, metadata: { name: "other" } }), "CLUSTER_RESPONSE_UNKNOWN"],
    ["an object of another version", jsonReply({ ...MAP, apiVersion: "v2" }), "CLUSTER_RESPONSE_UNKNOWN"],
    ["a Status with 200", jsonReply({ kind: "Status", apiVersion: "v1" }), "CLUSTER_RESPONSE_UNKNOWN"],
    ["401", failure(401, "Unauthorized"), "CLUSTER_LOGIN_REJECTED"],
    ["401 of a proxy", { status: 401, body: "no" }, "CLUSTER_LOGIN_REJECTED"],
    ["403", failure(403, "Forbidden", 'User "x" cannot get resource "configmaps"'), "CLUSTER_FORBIDDEN"],
    ["403 without a login", failure(403, "Forbidden", 'User "system:anonymous" cannot get'), "CLUSTER_LOGIN_REJECTED"],
    ["500", failure(500, "InternalError"), "CLUSTER_SERVER_ERROR"],
    ["503 of a load balancer", { status: 503, body: "<h1>503</h1>" }, "CLUSTER_SERVER_ERROR"],
    ["429", failure(429, "TooManyRequests"), "CLUSTER_SERVER_ERROR"],
    ["a cut connection", { status: 200, cutAfter: 0 }, "CLUSTER_UNREACHABLE"],
    ["a cut body", { ...jsonReply(MAP), cutAfter: 5 }, "CLUSTER_UNREACHABLE"],
])("%s is no missing object: %#", async (_, reply, code) => {
    expect((await api.errorOf(() => reply, getMap)).code).toBe(code);
});

test("a missing right names verb and resource, and how to get it", async () => {
    const message = 'User "x" cannot list resource "imagedigestmirrorsets" in API group "config.openshift.io"';
    const error = await api.errorOf(
        () => failure(403, "Forbidden", message),
        (client) => client.list(RULES),
    );
    expect(error.message).toMatch(
        /^CLUSTER_FORBIDDEN \(403\) at https:.*GET imagedigestmirrorsets\.config\.openshift\.io: User/,
    );
    expect(error.fix).toContain("passthrough render");
});

test("what an admission plugin refuses is no right that is missing", async () => {
    const message =
        'pods "registry-0" is forbidden: exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1';
    const refused = await api.errorOf(() => failure(403, "Forbidden", message), getMap);
    expect(refused.code).toBe("CLUSTER_FORBIDDEN");
    expect(refused.fix).toContain("the account has the right");
    const right = 'pods "registry-0" is forbidden: User "x" cannot get resource "pods" in API group ""';
    expect((await api.errorOf(() => failure(403, "Forbidden", right), getMap)).fix).toContain("passthrough render");
});

describe("a kind that is not served", () => {
    const discovery =
        (replies: Readonly<Record<string, Reply>>): Answering =>
        ({ url }) =>
            replies[url] ?? PAGE_NOT_FOUND;
    const groups = (...versions: string[]) =>
        jsonReply({
            kind: "APIGroupList",
            apiVersion: "v1",
            groups: [{ name: "config.openshift.io", versions: versions.map((groupVersion) => ({ groupVersion })) }],
        });
    const resources = (...names: string[]) =>
        jsonReply({ kind: "APIResourceList", apiVersion: "v1", resources: names.map((name) => ({ name })) });
    const VERSION = "/apis/config.openshift.io/v1";

    test.each([
        ["its version is served without it", { [VERSION]: resources("images") }],
        ["its group has other versions", { "/apis": groups("config.openshift.io/v2") }],
        ["its group is not served", { "/apis": jsonReply({ kind: "APIGroupList", apiVersion: "v1", groups: [] }) }],
    ])("%s", async (_, replies) => {
        const server = await api.serve(discovery(replies));
        const client = await api.connect(server);
        await expect(client.list(RULES)).resolves.toBeUndefined();
        await expect(client.remove(RULES, "a", "1")).resolves.toBeUndefined();
        await expect(client.get(RULES, "a")).rejects.toMatchObject({ code: "CLUSTER_KIND_MISSING" });
        const object = { apiVersion: RULES.apiVersion, kind: "ImageDigestMirrorSet", metadata: { name: "a" } };
        await expect(client.create(RULES, object)).rejects.toMatchObject({ code: "CLUSTER_KIND_MISSING" });
    });

    test.each([
        ["discovery has it", { [VERSION]: resources("imagedigestmirrorsets") }],
        ["its group is there and cannot be listed", { "/apis": groups("config.openshift.io/v1") }],
        ["there is no API at all", {}],
        ["something else responds", { [VERSION]: jsonReply({ kind: "Other" }) }],
    ])("cannot be found out: %s", async (_, replies) => {
        const error = await api.errorOf(discovery(replies), (client) => client.list(RULES));
        expect(error.code).toBe("CLUSTER_RESPONSE_UNKNOWN");
    });
});

describe("lists", () => {
    const page = (names: readonly string[], next?: string) =>
        jsonReply({
            ...{ kind: "ConfigMapList", apiVersion: "v1" },
            metadata: next === undefined ? {} : { continue: next },
            items: names.map((name) => ({ metadata: { name } })),
        });
    const names = (objects: readonly KubernetesObject[] | undefined) => objects?.map(({ metadata }) => metadata.name);
    const pageOf = (url: string) => new URL(url, "https://x").searchParams;

    test("all pages; items get the kind that the list names", async () => {
        const server = await api.serve(({ url }) =>
            pageOf(url).has("continue") ? page(["b"]) : page(["a"], "token/="),
        );
        const objects = await (await api.connect(server, { ...FAST, pageSize: 1 })).list(MAPS);
        expect(objects).toEqual(
            ["a", "b"].map((name) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name } })),
        );
        expect(server.seen.map(({ url }) => Object.fromEntries(pageOf(url)))).toEqual([
            { limit: "1" },
            { limit: "1", continue: "token/=" },
        ]);
    });

    test("a page that has expired begins the list anew, in the end in one piece", async () => {
        const expired = failure(410, "Expired", "The provided continue parameter is too old");
        const server = await api.serve(({ url }) =>
            pageOf(url).has("continue") ? expired : pageOf(url).has("limit") ? page(["a"], "x") : page(["a", "b"]),
        );
        expect(names(await (await api.connect(server)).list(MAPS))).toEqual(["a", "b"]);
        expect(server.seen).toHaveLength(5);
    });

    test("pages without end are left: a token that comes again, and new ones for ever", async () => {
        const list = (client: ClusterClient) => client.list(MAPS);
        const same = await api.errorOf(() => page(["a"], "x"), list);
        const fresh = await api.errorOf((_, count) => page(["a"], `x${count}`), list, { ...ONCE, pages: 5 });
        for (const { code, message } of [same, fresh]) {
            expect(code).toBe("CLUSTER_RESPONSE_UNKNOWN");
            expect(message).toContain("the pages of the list have no end");
        }
    });

    test("a list in one piece has any length", async () => {
        const long = Array.from({ length: 200_000 }, (_, at) => `n${at}`);
        const server = await api.serve(() => page(long));
        expect(await (await api.connect(server)).list(MAPS)).toHaveLength(long.length);
    });

    test("items may be null; another object or an item without a name is no list", async () => {
        const empty = await api.serve(() => jsonReply({ kind: "ConfigMapList", apiVersion: "v1", items: null }));
        await expect((await api.connect(empty)).list(MAPS)).resolves.toEqual([]);
        for (const body of [MAP, { kind: "ConfigMapList", apiVersion: "v1", items: [{}] }]) {
            const error = await api.errorOf(
                () => jsonReply(body),
                (client) => client.list(MAPS),
            );
            expect(error.code).toBe("CLUSTER_RESPONSE_UNKNOWN");
        }
    });
});

describe("writing", () => {
    const created = { ...MAP, data: { a: "b" } };
    const create = (client: ClusterClient) => client.create(MAPS, created);
    const patch = (client: ClusterClient) => client.patch(MAPS, "ca", { metadata: { resourceVersion: "7" } });

    test("names its field manager, wants strict validation, and sends conditions", async () => {
        const server = await api.serve(() => jsonReply(created));
        const client = await api.connect(server);
        await create(client);
        await client.patch(MAPS, "ca", { metadata: { resourceVersion: "7" }, data: { a: null } });
        await client.remove(MAPS, "ca", "7");
        const query = "?fieldManager=registry-passthrough&fieldValidation=Strict";
        const url = "/api/v1/namespaces/openshift-config/configmaps";
        expect(server.seen.map((seen) => [seen.method, seen.url, seen.headers["content-type"]])).toEqual([
            ["POST", `${url}${query}`, "application/json"],
            ["PATCH", `${url}/ca${query}`, "application/merge-patch+json"],
            ["DELETE", `${url}/ca`, "application/json"],
        ]);
        const bodies = server.seen.map(({ body }) => JSON.parse(body.toString()) as Record<string, unknown>);
        expect(bodies[1]).toEqual({ metadata: { resourceVersion: "7" }, data: { a: null } });
        expect(bodies[2]).toMatchObject({ kind: "DeleteOptions", preconditions: { resourceVersion: "7" } });
    });

    test.each<[string, Reply, (client: ClusterClient) => Promise<unknown>, string]>([
        ["AlreadyExists", failure(409, "AlreadyExists"), create, "CLUSTER_OBJECT_EXISTS"],
        ["Conflict", failure(409, "Conflict"), patch, "CLUSTER_CONFLICT"],
        ["deleted since", notFound("ca"), patch, "CLUSTER_CONFLICT"],
        ["another version", failure(409, "Conflict"), (client) => client.remove(MAPS, "ca", "7"), "CLUSTER_CONFLICT"],
        [
            "no namespace",
            failure(404, "NotFound", 'namespaces "x" not found', { name: "x" }),
            create,
            "CLUSTER_INVALID",
        ],
        [
            "an unknown field",
            failure(400, "BadRequest", 'strict decoding error: unknown field "a"'),
            create,
            "CLUSTER_INVALID",
        ],
    ])("%s", async (_, reply, act, code) => {
        expect((await api.errorOf(() => reply, act)).code).toBe(code);
    });

    test("every cause of a rejected object is in the error", async () => {
        const causes = ["a", "b"].map((field) => ({ field: `spec.${field}`, message: "Required value", reason: "x" }));
        const error = await api.errorOf(() => failure(422, "Invalid", "it is invalid", { causes }), create);
        expect(error).toMatchObject({ code: "CLUSTER_INVALID", status: 422 });
        expect(error.problem).toBe("it is invalid (spec.a: Required value; spec.b: Required value)");
    });

    test("what no longer exists is removed", async () => {
        const server = await api.serve(() => notFound("ca"));
        await expect((await api.connect(server)).remove(MAPS, "ca", "7")).resolves.toBeUndefined();
    });
});

test("a token that the API repeats is not in the error", async () => {
    const error = await api.errorOf(() => failure(403, "Forbidden", `token ${TOKEN} is not allowed`), getMap);
    expect(error.message).toContain("token [secret] is not allowed");
    expect(JSON.stringify(error) + String(error.cause)).not.toContain("canary");
});
