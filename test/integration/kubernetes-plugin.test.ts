import type { ApiServer } from "../support/api-server";
import type { NamedObject } from "../support/cluster/api-client";
import {
    CONFIG_API,
    KubernetesStacks,
    apply,
    configMap,
    declare,
    idms,
    inDefault,
    mirrorSet,
} from "../support/kubernetes-stack";
import type { TestStack } from "../support/stack";

/*
 * What this project relies on of the Pulumi kubernetes plugin: creating and changing. The same tests pass with the official
 * plugin 4.32.0 (KUBERNETES_PLUGIN_UNDER_TEST=<folder of the program>), where each was seen, and with the stand-in of
 * test/support. In comments: the file below `provider/pkg` of pulumi-kubernetes in which the official plugin does it.
 * All share a stack, and declare objects of their own: what a test has created, the next update removes.
 */

jest.setTimeout(600_000);

let stacks: KubernetesStacks;
let server: ApiServer;
let stack: TestStack;

beforeAll(async () => {
    stacks = await KubernetesStacks.start();
    server = stacks.server;
    stack = await stacks.create({ objects: [] });
});
afterAll(() => stacks.stop());

describe("creating", () => {
    test("a preview asks the API server and writes nothing", async () => {
        declare(stack, { objects: [mirrorSet("asked")] });
        expect(await stack.preview()).toMatchObject({
            code: 0,
            text: expect.stringMatching(/ asked create/) as string,
        });
        declare(stack, { objects: [mirrorSet("asked", "quay.io/team", "Sometimes")] });
        const refused = await stack.preview();
        // provider.go, Create: dry run of a server-side apply or create, whose refusal fails the preview
        expect(refused.code).not.toBe(0);
        expect(refused.text).toMatch(/Unsupported value: "Sometimes"/);
        expect(await server.admin.get(idms("asked"))).toBeUndefined();
    });

    test("objects get the field manager pulumi-kubernetes, after an update one with a random part", async () => {
        const kept = configMap("managed", { key: "one" });
        expect(await apply(stack, { objects: [mirrorSet("managed"), kept] })).toMatchObject({ code: 0 });
        // await.go, Creation
        expect(await stacks.managers(idms("managed"))).toEqual(["pulumi-kubernetes Update"]);
        expect(await stacks.managers(inDefault("managed"))).toEqual(["pulumi-kubernetes Update"]);
        expect(await stack.preview("--expect-no-changes")).toMatchObject({ code: 0 });
        const updated = await apply(stack, { objects: [mirrorSet("managed", "quay.io/other"), kept] });
        expect(updated).toMatchObject({ code: 0, text: expect.stringMatching(/~ 1 updated/) as string });
        // await.go, fixCSAFieldManagers
        expect(await stacks.managers(idms("managed"))).toEqual([
            expect.stringMatching(/^pulumi-kubernetes-\w{8} Apply$/),
        ]);
        expect(await server.admin.get(idms("managed"))).toMatchObject({
            spec: { imageDigestMirrors: [{ source: "quay.io/other" }] },
        });
    });

    test("an object that exists is refused at its creation, not in the preview; upsertExistingObjects takes it", async () => {
        await server.admin.apply({ ...inDefault("existing"), data: { key: "theirs" } } as NamedObject);
        const objects = [configMap("existing", { key: "ours" })];
        declare(stack, { objects });
        // provider.go, Create: a dry run that says AlreadyExists is not reported
        expect(await stack.preview()).toMatchObject({
            code: 0,
            text: expect.stringMatching(/ existing create/) as string,
        });
        const refused = await apply(stack, { objects });
        expect(refused.code).not.toBe(0);
        // await.go, Creation
        expect(refused.text).toMatch(/configmaps "existing" already exists/);
        expect(await server.admin.get(inDefault("existing"))).toMatchObject({ data: { key: "theirs" } });
        const provider = { upsertExistingObjects: true, enablePatchForce: true };
        expect(await apply(stack, { provider, objects })).toMatchObject({ code: 0 });
        expect(await server.admin.get(inDefault("existing"))).toMatchObject({ data: { key: "ours" } });
    });

    test("a kind that the API server does not have is shown in a preview, and fails the update", async () => {
        const metadata = { name: "missing" };
        const kind = { apiVersion: "missing.lab.test/v1", kind: "Missing", metadata };
        const missing = { ...kind, name: "missing", type: "CustomResource", spec: {} } as const;
        declare(stack, { objects: [missing] });
        // provider.go, gvkExists
        expect(await stack.preview()).toMatchObject({
            code: 0,
            text: expect.stringMatching(/ missing create/) as string,
        });
        const refused = await apply(stack, { objects: [missing] });
        expect(refused.code).not.toBe(0);
        expect(refused.text).toMatch(/apiVersion for this resource does not exist/);
        expect(refused.text).toMatch(/no matches for kind "Missing" in version "missing\.lab\.test\/v1"/);
    });

    test("a patch needs a name", async () => {
        const patch = {
            name: "hub",
            type: "CustomResourcePatch",
            apiVersion: CONFIG_API,
            kind: "OperatorHub",
        } as const;
        declare(stack, { objects: [{ ...patch, metadata: {}, spec: { disableAllDefaultSources: true } }] });
        const refused = await stack.preview();
        expect(refused.code).not.toBe(0);
        // provider.go, Check
        expect(refused.text).toContain("patch resources require the `.metadata.name` field to be set");
    });

    test("an object can be looked up by its name", async () => {
        await server.admin.create({
            ...idms("looked-up"),
            spec: { imageDigestMirrors: [{ source: "quay.io/seen" }] },
        } as NamedObject);
        const reference = {
            name: "seen",
            type: "CustomResource",
            apiVersion: CONFIG_API,
            kind: "ImageDigestMirrorSet",
        } as const;
        expect(await apply(stack, { objects: [{ ...reference, get: "looked-up" }] })).toMatchObject({ code: 0 });
        // provider.go, Read
        expect(await stack.outputs()).toMatchObject({ objects: [{ id: "looked-up" }] });
        expect(await stack.state()).toContain("quay.io/seen");
    });
});

describe("secrets", () => {
    test("what is secret in the program is secret in state, outputs and previews", async () => {
        const objects = [configMap("secret", { key: "SECRET", plain: "visible" })];
        await stack.setConfig("secret", "canary-of-the-object", true);
        declare(stack, { objects });
        expect(await stack.preview("--diff")).toMatchObject({ code: 0 });
        expect(await apply(stack, { objects })).toMatchObject({ code: 0 });
        expect(await server.admin.get(inDefault("secret"))).toMatchObject({ data: { key: "canary-of-the-object" } });
        expect(await stack.refresh("--skip-preview")).toMatchObject({ code: 0 });
        // provider.go, annotateSecrets
        const state = await stack.state();
        expect(state).toContain("visible");
        for (const text of [state, stack.printed]) expect(text).not.toContain("canary-of-the-object");
    });
});

describe("changing", () => {
    const mutable = { enableConfigMapMutable: true };

    test("the content of a ConfigMap replaces it, unless enableConfigMapMutable is set", async () => {
        expect(await apply(stack, { objects: [configMap("content", { key: "one" })] })).toMatchObject({ code: 0 });
        const before = await server.admin.get(inDefault("content"));
        // diff.go, forceNewProperties
        expect(await apply(stack, { objects: [configMap("content", { key: "two" })] })).toMatchObject({
            code: 0,
            text: expect.stringMatching(/1 replaced/) as string,
        });
        const replaced = await server.admin.get(inDefault("content"));
        expect(replaced?.metadata.uid).not.toBe(before?.metadata.uid);
        const objects = [configMap("content", { key: "three" })];
        expect(await apply(stack, { provider: mutable, objects })).toMatchObject({
            code: 0,
            text: expect.stringMatching(/~ 2 updated/) as string,
        });
        const updated = await server.admin.get(inDefault("content"));
        expect(updated).toMatchObject({ metadata: { uid: replaced?.metadata.uid }, data: { key: "three" } });
    });

    test("a field that another manager has taken is a conflict that names it; the annotation patchForce takes it back", async () => {
        const declared = (value: string, metadata?: object) => {
            const object = configMap("taken", { key: value });
            return { provider: mutable, objects: [{ ...object, metadata: { ...object.metadata, ...metadata } }] };
        };
        expect(await apply(stack, declared("one"))).toMatchObject({ code: 0 });
        await server.admin.apply({ ...inDefault("taken"), data: { key: "theirs" } } as NamedObject, {
            manager: "someone",
            force: true,
        });
        const refused = await apply(stack, declared("two"));
        expect(refused.code).not.toBe(0);
        // await.go, handleSSAErr; the field managers of a creation change hands first
        expect(refused.text).toMatch(/server-side apply field conflict detected/);
        expect(refused.text).toMatch(/conflict with "someone": \.data\.key/);
        // await.go, patchForce
        const annotations = { "pulumi.com/patchForce": "true" };
        expect(await apply(stack, declared("two", { annotations }))).toMatchObject({ code: 0 });
        expect(await server.admin.get(inDefault("taken"))).toMatchObject({ data: { key: "two" } });
    });

    test("a refresh sees what others changed and deleted; the update brings back what was deleted", async () => {
        const objects = [mirrorSet("drifted"), mirrorSet("deleted")];
        expect(await apply(stack, { objects })).toMatchObject({ code: 0 });
        const { spec } = mirrorSet("drifted", "quay.io/foreign") as { spec?: object };
        await server.admin.patch(idms("drifted"), { spec });
        await server.admin.remove(idms("deleted"));
        // provider.go, Read
        const drift = await stack.refreshPreview("--diff");
        expect(drift.text).toMatch(/quay\.io\/foreign/);
        expect(drift.text).toMatch(/- 1 to delete/);
        // The field belongs to whoever changed it last: only enablePatchForce takes it back.
        const refused = await stack.up("--skip-preview");
        expect(refused.code).not.toBe(0);
        expect(refused.text).toMatch(/Apply failed with 1 conflict: .*\.spec\.imageDigestMirrors/);
        expect(await server.admin.get(idms("deleted"))).toBeDefined();
        declare(stack, { provider: { enablePatchForce: true }, objects });
        expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
        expect(await server.admin.get(idms("drifted"))).toMatchObject({
            spec: { imageDigestMirrors: [{ source: "quay.io/team" }] },
        });
    });
});
