import { readdirSync } from "node:fs";
import { join } from "node:path";
import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { leaks } from "../support/canary";
import { AnotherProject } from "../support/another-project";
import { ACCOUNT, FIXTURES, TestSite } from "../support/site";
import { PROJECT, TestStack } from "../support/stack";

jest.setTimeout(300_000);

/** Its registry and image set; its own stack is not used. */
let site: TestSite;
let project: AnotherProject;
let stack: TestStack;

async function deleteTag(repository: string, tag: string): Promise<void> {
    const endpoint = { host: site.registry.host, ca: site.authority.ca };
    const client = new RegistryClient({ endpoint, credentials: ACCOUNT });
    await client.manifestDelete(repository, tag);
    await client.close();
}

const document = (path: string) => site.document({ registry: { mirrorBase: `${site.registry.host}/${path}` } });

beforeAll(async () => {
    site = await TestSite.create(join(FIXTURES, "with-mapping"));
    project = new AnotherProject(join(PROJECT, "test/fixtures/program/index.ts"));
    stack = await TestStack.ofProject(project);
    stack.configure(document("one"), "one");
    stack.configure(document("two"), "two");
    await stack.setConfig("username", ACCOUNT.username, false);
    await stack.setConfig("password", ACCOUNT.password, true);
});

afterAll(async () => {
    await site.remove();
    project.remove();
    stack.remove();
});

test("a preview shows both sites, though nothing of the second registry is known yet", async () => {
    const preview = await stack.preview("--json");
    expect(preview).toMatchObject({ code: 0 });
    const { steps } = JSON.parse(preview.text) as { steps: { op: string; urn: string }[] };
    const names = steps.filter(({ op }) => op === "create").map(({ urn }) => urn.slice(urn.lastIndexOf("::") + 2));
    expect(names).toEqual(expect.arrayContaining(["one-registry", "one-content-set1", "one-validation"]));
    expect(names).toEqual(expect.arrayContaining(["two-registry", "two-content-set1", "two-validation"]));
    expect(site.registry.accesses()).toEqual([]);
});

test("up imports and proves both sites", async () => {
    expect(await stack.up()).toMatchObject({ code: 0 });
    const outputs = await stack.outputs();
    const proven = expect.objectContaining({ status: "proven", images: 6 }) as object;
    expect(outputs.validations).toEqual([proven, proven]);
    expect(outputs.rules).toContain(`${site.registry.host}/two/quay.io`);
    const auth = Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString("base64");
    const secret = JSON.stringify({ auths: { [site.registry.host]: { auth } } });
    expect(outputs.pullSecrets).toEqual([secret, secret]);
    expect(readdirSync(site.registry.storage("repositories")).sort()).toEqual(["one", "two"]);
});

test("then there is nothing to do, and a refresh finds no drift at either of them", async () => {
    expect(await stack.preview("--expect-no-changes")).toMatchObject({ code: 0 });
    site.registry.forget();
    expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
    for (const path of ["one", "two"]) {
        expect(site.registry.accesses().some((access) => access.path.startsWith(`/v2/${path}/`))).toBe(true);
    }
});

test("state refers to the package, and has no secret in the clear", async () => {
    const state = await stack.state();
    expect(state).toContain('require(\\"registry-passthrough/dist/dynamic-providers/entry\\").imageImport');
    expect(state).not.toContain("./dist/dynamic-providers/entry");
    expect(leaks([ACCOUNT], { state, "what was printed": stack.printed })).toEqual([]);
});

test("an image that was deleted at one of them is restored there", async () => {
    const [repository, tag] = ["two/quay.io/multi/tool", "2.0"];
    await deleteTag(repository, tag);
    const drift = await stack.refreshPreview("--expect-no-changes");
    expect(drift.code).toBe(7);
    expect(drift.text).toContain("quay.io/multi/tool:2.0");
    site.registry.forget();
    expect(await stack.up()).toMatchObject({ code: 0 });
    expect(site.registry.writes().map(({ path }) => path)).toEqual([`/v2/${repository}/manifests/${tag}`]);
});

test("destroy removes both, and keeps the images", async () => {
    expect(await stack.destroy()).toMatchObject({ code: 0 });
    expect(JSON.parse(await stack.state())).not.toMatchObject({ deployment: { resources: [expect.anything()] } });
    expect(readdirSync(site.registry.storage("repositories")).sort()).toEqual(["one", "two"]);
});
