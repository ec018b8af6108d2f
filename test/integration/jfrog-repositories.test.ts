import type { RegistryManagement } from "../../lib/registries";
import type { Reply } from "../support/jfrog/exchange";
import type { FakeJFrog } from "../support/jfrog/fake-jfrog";
import { ManagedJFrog } from "../support/jfrog/managed-jfrog";
import type { Platform } from "../support/jfrog/model";

let on: ManagedJFrog;
let fake: FakeJFrog;
let platform: Platform;

beforeEach(async () => {
    on = await ManagedJFrog.start();
    ({ fake } = on);
    ({ platform } = fake);
});

afterEach(() => on.stop());

const MIRROR = { name: "mirror" };
const namespaces = <T>(use: (admin: RegistryManagement["namespaces"]) => Promise<T>) =>
    on.managing((management) => use(management.namespaces));
const read = () => namespaces((admin) => admin.read(MIRROR));
const create = () => namespaces((admin) => admin.create(MIRROR));

test("content that cannot be found does not make a repository empty", async () => {
    await create();
    const absent = { status: 404, json: { errors: [{ status: 404, message: "Unable to find item" }] } };
    fake.disturb = (_, path) => (path.endsWith("/storage/mirror/") ? absent : undefined);
    const failed = await on.failure(namespaces((admin) => admin.remove({ id: "mirror" }, MIRROR)));
    expect(failed).toMatchObject({ code: "NOT_FOUND", status: 404 });
    expect(failed.fix).toContain("run again");
    expect(await on.failure(read())).toMatchObject({ code: "NOT_FOUND" });
    expect(platform.repositories.size).toBe(1);
});

describe("before a repository is deleted", () => {
    const remove = () => namespaces((admin) => admin.remove({ id: "mirror" }, MIRROR));
    const isList = () => fake.urls.at(-1)?.includes("?list&deep=1") === true;
    const children = (...all: object[]): Reply => ({ status: 200, json: { repo: "mirror", path: "/", children: all } });
    const withContent = (top: Reply, list?: Reply) => {
        fake.disturb = (_, path) => {
            if (!path.endsWith("/storage/mirror/")) return undefined;
            return isList() ? list : top;
        };
    };
    beforeEach(() => create());

    test("a list of files that is too long to read shows that it is not empty", async () => {
        const top = children({ uri: "/quay.io", folder: true }, { uri: "/docker.io", folder: true });
        withContent(top, { status: 200, json: { files: [{ uri: "/a" }], padding: "x".repeat(17 * 1024 * 1024) } });
        const failed = await on.failure(remove());
        expect(failed).toMatchObject({ code: "NAMESPACE_NOT_EMPTY" });
        expect(failed.message).toContain(
            "it is not empty: the list of its files is too long to read (quay.io, docker.io)",
        );
        expect(platform.repositories.size).toBe(1);
    });

    test("a file at its top is enough to know, without the list of all", async () => {
        withContent(children({ uri: "/notes.txt", folder: false }));
        const failed = await on.failure(remove());
        expect(failed).toMatchObject({ code: "NAMESPACE_NOT_EMPTY" });
        expect(failed.message).toContain("1 file left at its top (notes.txt)");
        expect(fake.urls.filter((url) => url.includes("?list"))).toEqual([]);
    });

    test("a list that cannot be read, or is missing, is no empty one", async () => {
        for (const list of [
            { status: 404, json: { errors: [{ status: 404, message: "Unable to find item" }] } },
            { status: 200, json: { uri: "mirror" } },
            { status: 502, text: "x".repeat(17 * 1024 * 1024) },
        ]) {
            withContent(children({ uri: "/quay.io", folder: true }), list);
            expect((await on.failure(remove())).code).not.toBe("NAMESPACE_NOT_EMPTY");
        }
        expect(platform.repositories.size).toBe(1);
    });

    test("folders without files are empty", async () => {
        withContent(children({ uri: "/quay.io", folder: true }));
        await remove();
        expect(platform.repositories.size).toBe(0);
    });
});

describe.each(["pro", "free"] as const)("a key that differs in case only (%s)", (edition) => {
    beforeEach(() => {
        platform.edition = edition;
        platform.repositories.set("Mirror", { key: "Mirror", rclass: "local", packageType: "docker", settings: {} });
    });

    test("is reported with its spelling and the fix", async () => {
        const works = edition === "pro" ? [read, create] : [read];
        for (const work of works) {
            const failed = await on.failure(work());
            expect(failed).toMatchObject({ code: "NAMESPACE_EXISTS" });
            expect(failed.message).toContain("the key exists in another spelling: Mirror");
            expect(failed.fix).toMatch(
                /another repository key in site.registry.mirrorBase.*or delete the repository Mirror/,
            );
        }
    });

    test("is not deleted in place of the other", async () => {
        await namespaces((admin) => admin.remove({ id: "mirror" }, MIRROR));
        expect(fake.requests.filter((request) => request.startsWith("DELETE"))).toEqual([]);
        expect([...platform.repositories.keys()]).toEqual(["Mirror"]);
    });
});

test("settings that Artifactory shows for another spelling are not those of the wanted key", async () => {
    const json = { key: "Mirror", rclass: "local", packageType: "docker" };
    fake.disturb = (method, path) =>
        method === "GET" && path.endsWith("/repositories/mirror") ? { status: 200, json } : undefined;
    expect(await on.failure(read())).toMatchObject({ code: "NAMESPACE_EXISTS" });
});
