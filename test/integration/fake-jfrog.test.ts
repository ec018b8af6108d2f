import { type JFrogTarget, jfrogTarget } from "../support/jfrog/target";

/**
 * What this program asks of Artifactory and its Access service, and what JFrog's documentation says is answered. Where it says
 * nothing every answer is accepted that the program accepts. Never run against a real one; JFROG_UNDER_TEST does it.
 */
const KEY = "passthrough-contract";
const GROUP = `${KEY}-importer-1`;

let target: JFrogTarget;
const ask: JFrogTarget["ask"] = (...question) => target.ask(...question);

beforeAll(async () => {
    target = await jfrogTarget();
    await clear();
});

afterAll(async () => {
    await clear();
    await target.stop();
});

/** What an earlier run left at a real server. */
async function clear(): Promise<void> {
    await ask("DELETE", `/access/api/v2/permissions/${GROUP}`);
    await ask("DELETE", `/access/api/v2/groups/${GROUP}`);
    await ask("DELETE", `/artifactory/api/repositories/${KEY}`);
}

const anyText = expect.any(String) as string;
const anyNumber = expect.any(Number) as number;
const artifactoryError = { errors: [{ message: anyText }] };

test("ping is the text OK for anybody; the version needs a login, and a wrong one is rejected", async () => {
    expect(await ask("GET", "/artifactory/api/system/ping", undefined, "")).toMatchObject({ status: 200, text: "OK" });
    const version = await ask("GET", "/artifactory/api/system/version");
    expect(version).toMatchObject({ status: 200, json: { version: expect.stringMatching(/^\d+\.\d+/) as string } });
    const wrong = `Basic ${Buffer.from("passthrough-nobody:wrong").toString("base64")}`;
    const rejected = await ask("GET", "/artifactory/api/system/version", undefined, wrong);
    expect(rejected).toMatchObject({ status: 401, json: artifactoryError });
    expect((await ask("GET", "/access/api/v2/permissions?limit=1", undefined, "Bearer wrong")).status).toBe(401);
});

test("a repository: missing is 400 or 404 and not listed, created once, listed, changed, emptied, deleted", async () => {
    const path = `/artifactory/api/repositories/${KEY}`;
    expect([400, 404]).toContain((await ask("GET", path)).status);
    const settings = { dockerApiVersion: "V2", maxUniqueTags: 0, dockerTagRetention: 1 };
    const body = { key: KEY, rclass: "local", packageType: "docker", ...settings };
    expect((await ask("PUT", path, body)).status).toBe(200);
    const again = await ask("PUT", path, body);
    expect(again).toMatchObject({ status: 400, json: artifactoryError });
    expect(again.text).not.toContain("available only in Artifactory");
    expect(await ask("GET", path)).toMatchObject({ status: 200, json: { key: KEY, rclass: "local", ...settings } });
    const { json: all } = await ask("GET", "/artifactory/api/repositories");
    expect(all).toContainEqual(expect.objectContaining({ key: KEY, type: "LOCAL", packageType: "Docker" }));
    expect((await ask("POST", path, { maxUniqueTags: 3 })).status).toBe(200);
    expect(await ask("GET", path)).toMatchObject({ json: { maxUniqueTags: 3, dockerTagRetention: 1 } });
    expect(await ask("GET", `/artifactory/api/storage/${KEY}/`)).toMatchObject({ status: 200, json: { children: [] } });
    const files = await ask("GET", `/artifactory/api/storage/${KEY}/?list&deep=1`);
    expect(files).toMatchObject({ status: 200, json: { files: [] } });
});

test("group, permission and token: created, read without secret and scope, changed, revoked, deleted", async () => {
    const group = { name: GROUP, description: "passthrough test", auto_join: false, admin_privileges: false };
    expect((await ask("GET", `/access/api/v2/groups/${GROUP}`)).status).toBe(404);
    expect([200, 201]).toContain((await ask("POST", "/access/api/v2/groups", group)).status);
    expect([400, 409]).toContain((await ask("POST", "/access/api/v2/groups", group)).status);
    expect(await ask("GET", `/access/api/v2/groups/${GROUP}`)).toMatchObject({ status: 200, json: group });

    const rights = (actions: readonly string[]) => ({
        actions: { users: {}, groups: { [GROUP]: actions } },
        targets: { [KEY]: { include_patterns: ["**"], exclude_patterns: [] } },
    });
    const permission = `/access/api/v2/permissions/${GROUP}`;
    expect((await ask("GET", permission)).status).toBe(404);
    const created = { name: GROUP, resources: { artifact: rights(["READ"]) } };
    expect([200, 201]).toContain((await ask("POST", "/access/api/v2/permissions", created)).status);
    expect([400, 409]).toContain((await ask("POST", "/access/api/v2/permissions", created)).status);
    expect((await ask("PUT", `${permission}/artifact`, rights(["READ", "WRITE"]))).status).toBe(200);
    const found = (await ask("GET", permission)).json as { resources: { artifact: ReturnType<typeof rights> } };
    const { actions, targets } = found.resources.artifact;
    expect([...(actions.groups[GROUP] ?? [])].sort()).toEqual(["READ", "WRITE"]);
    expect(targets[KEY]?.include_patterns).toEqual(["**"]);

    const token = await ask("POST", "/access/api/v1/tokens", {
        grant_type: "client_credentials",
        username: GROUP,
        scope: `applied-permissions/groups:${GROUP}`,
        expires_in: 86_400,
        refreshable: false,
        description: "passthrough test",
        include_reference_token: false,
        force_revocable: true,
    });
    expect(token).toMatchObject({ status: 200, json: { token_id: anyText, access_token: anyText } });
    const { token_id: id, access_token: secret } = token.json as { token_id: string; access_token: string };
    const shown = await ask("GET", `/access/api/v1/tokens/${id}`);
    const subject = expect.stringMatching(new RegExp(`(^|/)${GROUP}$`)) as string;
    expect(shown).toMatchObject({
        status: 200,
        json: { token_id: id, subject, issued_at: anyNumber, expiry: anyNumber },
    });
    expect(shown.text).not.toContain(secret);
    const list = await ask("GET", `/access/api/v1/tokens?username=${GROUP}`);
    expect((list.json as { tokens: unknown[] }).tokens).toContainEqual(expect.objectContaining({ token_id: id }));

    const login = `Basic ${Buffer.from(`${GROUP}:${secret}`).toString("base64")}`;
    expect([200, 403]).toContain((await ask("GET", "/artifactory/api/system/version", undefined, login)).status);
    expect((await ask("DELETE", `/access/api/v1/tokens/${id}`)).status).toBe(200);
    expect((await ask("GET", `/access/api/v1/tokens/${id}`)).status).toBe(404);
    expect((await ask("GET", "/artifactory/api/system/version", undefined, login)).status).toBe(401);
    expect((await ask("DELETE", permission)).status).toBe(204);
    expect((await ask("DELETE", `/access/api/v2/groups/${GROUP}`)).status).toBe(204);
});

test("/v2/ asks for a bearer token", async () => {
    const { status, headers } = await ask("GET", "/v2/", undefined, "");
    expect(status).toBe(401);
    expect(headers["www-authenticate"]).toMatch(/^Bearer realm="https:\/\/[^"]+\/v2\/token"/i);
});
