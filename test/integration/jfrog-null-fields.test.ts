import type { Reply } from "../support/jfrog/exchange";
import { ADMIN, ManagedJFrog } from "../support/jfrog/managed-jfrog";

/** JFrog's pages do not say whether a field that has no value is left out or null. */
let on: ManagedJFrog;

beforeEach(async () => {
    on = await ManagedJFrog.start();
});

afterEach(() => on.stop());

const MIRROR = { name: "mirror" };
const ok = (json: unknown): Reply => ({ status: 200, json });

test("a license without a type is no difference", async () => {
    on.once("GET", /system\/license$/, ok({ type: null }));
    expect(await on.check()).toEqual({ version: "Artifactory 7.90.1", notes: [] });
});

test("an administrator's token without an id is used, and expires by itself", async () => {
    const { secret } = on.fake.platform.addToken("admin", "applied-permissions/admin", 0);
    on.once("POST", /access\/api\/v1\/tokens$/, ok({ token_id: null, access_token: secret }));
    await expect(
        on.managing(({ namespaces }) => namespaces.read(MIRROR), { credentials: ADMIN }),
    ).resolves.toBeUndefined();
    expect(on.fake.requests.filter((request) => request.startsWith("DELETE"))).toEqual([]);
});

test("a repository without children is empty, and one that may be a folder is looked into", async () => {
    await on.managing(({ namespaces }) => namespaces.create(MIRROR));
    const read = () => on.managing(({ namespaces }) => namespaces.read(MIRROR));
    on.once("GET", /storage\/mirror\/$/, ok({ children: null }));
    expect((await read())?.isUntouched).toBe(true);
    on.once("GET", /storage\/mirror\/$/, ok({ children: [{ uri: "/quay.io", folder: null }] }));
    expect((await read())?.isUntouched).toBe(false);
});

test("an error of Artifactory is its own, whether its code is null or left out", async () => {
    const errors = [{ code: null, status: 404, message: "Item mirror does not exist" }];
    on.once("GET", /repositories\/mirror$/, { status: 404, json: { errors } });
    await expect(on.managing(({ namespaces }) => namespaces.read(MIRROR))).resolves.toBeUndefined();
});
