import { type ApiServer, startApiServer } from "../support/api-server";
import type { NamedObject } from "../support/cluster/api-client";
import {
    CONFIG_API,
    type DeclaredProgram,
    KubernetesStacks,
    configMap,
    declare,
    idms,
    inDefault,
    mirrorSet,
} from "../support/kubernetes-stack";
import type { TestStack } from "../support/stack";

/*
 * What this project relies on of the Pulumi kubernetes plugin: creating and changing. The same tests pass with the official plugin 4.32.0
 * (KUBERNETES_PLUGIN_UNDER_TEST=<folder of the program>), where each was seen, and with the stand-in of test/support.
 * In comments: the file below `provider/pkg` of pulumi-kubernetes in which the official plugin does it.
 */

jest.setTimeout(600_000);

const stacks = new KubernetesStacks();
let server: ApiServer;

beforeAll(async () => {
    server = await startApiServer({ crds: "4.16" });
});
afterAll(async () => {
    await server.stop();
    stacks.remove();
});

function stackOf(program: DeclaredProgram, kubeconfig = server.kubeconfig): Promise<TestStack> {
    return stacks.create(program, kubeconfig);
}

async function managers(reference: NamedObject): Promise<string[]> {
    const object = await server.admin.get(reference);
    return (object?.metadata.managedFields ?? []).map(({ manager, operation }) => `${manager} ${operation}`);
}

describe("creating", () => {
    test("a preview asks the API server and writes nothing", async () => {
        const stack = await stackOf({ objects: [mirrorSet("asked")] });
        expect(await stack.preview()).toMatchObject({
            code: 0,
            text: expect.stringMatching(/\+ 3 to create/) as string,
        });
        declare(stack, { objects: [mirrorSet("asked", "quay.io/team", "Sometimes")] });
        const refused = await stack.preview();
        // provider.go, Create: dry run of a server-side apply or create, whose refusal fails the preview
        expect(refused.code).not.toBe(0);
        expect(refused.text).toMatch(/Unsupported value: "Sometimes"/);
        expect(await server.admin.get(idms("asked"))).toBeUndefined();
    });

    test("objects get the field manager pulumi-kubernetes, after an update one with a random part", async () => {
        const stack = await stackOf({ objects: [mirrorSet("managed"), configMap("managed", { key: "one" })] });
        expect(await stack.upOnly()).toMatchObject({ code: 0 });
        // await.go, Creation
        expect(await managers(idms("managed"))).toEqual(["pulumi-kubernetes Update"]);
        expect(await managers(inDefault("managed"))).toEqual(["pulumi-kubernetes Update"]);
        expect(await stack.preview("--expect-no-changes")).toMatchObject({ code: 0 });
        declare(stack, { objects: [mirrorSet("managed", "quay.io/other"), configMap("managed", { key: "one" })] });
        expect(await stack.upOnly()).toMatchObject({ code: 0, text: expect.stringMatching(/~ 1 updated/) as string });
        // await.go, fixCSAFieldManagers
        expect(await managers(idms("managed"))).toEqual([expect.stringMatching(/^pulumi-kubernetes-\w{8} Apply$/)]);
        expect(await server.admin.get(idms("managed"))).toMatchObject({
            spec: { imageDigestMirrors: [{ source: "quay.io/other" }] },
        });
    });

    test("an object that exists is refused at its creation, not in the preview; upsertExistingObjects takes it", async () => {
        await server.admin.apply({ ...inDefault("existing"), data: { key: "theirs" } } as NamedObject);
        const stack = await stackOf({ objects: [configMap("existing", { key: "ours" })] });
        // provider.go, Create: a dry run that says AlreadyExists is not reported
        expect(await stack.preview()).toMatchObject({
            code: 0,
            text: expect.stringMatching(/\+ 3 to create/) as string,
        });
        const refused = await stack.upOnly();
        expect(refused.code).not.toBe(0);
        // await.go, Creation
        expect(refused.text).toMatch(/configmaps "existing" already exists/);
        expect(await server.admin.get(inDefault("existing"))).toMatchObject({ data: { key: "theirs" } });
        declare(stack, {
            provider: { upsertExistingObjects: true, enablePatchForce: true },
            objects: [configMap("existing", { key: "ours" })],
        });
        expect(await stack.upOnly()).toMatchObject({ code: 0 });
        expect(await server.admin.get(inDefault("existing"))).toMatchObject({ data: { key: "ours" } });
    });

    test("a kind that the API server does not have is shown in a preview, and fails the update", async () => {
        const metadata = { name: "missing" };
        const kind = { apiVersion: "missing.lab.test/v1", kind: "Missing", metadata };
        const stack = await stackOf({ objects: [{ ...kind, name: "missing", type: "CustomResource", spec: {} }] });
        // provider.go, gvkExists
        expect(await stack.preview()).toMatchObject({
            code: 0,
            text: expect.stringMatching(/\+ 3 to create/) as string,
        });
        const refused = await stack.upOnly();
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
        const stack = await stackOf({
            objects: [{ ...patch, metadata: {}, spec: { disableAllDefaultSources: true } }],
        });
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
        const stack = await stackOf({ objects: [{ ...reference, get: "looked-up" }] });
        expect(await stack.upOnly()).toMatchObject({ code: 0 });
        // provider.go, Read
        expect(await stack.outputs()).toMatchObject({ objects: [{ id: "looked-up" }] });
        expect(await stack.state()).toContain("quay.io/seen");
    });
});

describe("secrets", () => {
    test("what is secret in the program is secret in state, outputs and previews", async () => {
        const stack = await stackOf({ objects: [configMap("secret", { key: "SECRET", plain: "visible" })] });
        await stack.setConfig("secret", "canary-of-the-object", true);
        expect(await stack.preview("--diff")).toMatchObject({ code: 0 });
        expect(await stack.upOnly()).toMatchObject({ code: 0 });
        expect(await server.admin.get(inDefault("secret"))).toMatchObject({ data: { key: "canary-of-the-object" } });
        expect(await stack.refresh()).toMatchObject({ code: 0 });
        // provider.go, annotateSecrets
        const state = await stack.state();
        expect(state).toContain("visible");
        for (const text of [state, stack.printed]) expect(text).not.toContain("canary-of-the-object");
    });
});

describe("changing", () => {
    test("the content of a ConfigMap replaces it, unless enableConfigMapMutable is set", async () => {
        const stack = await stackOf({ objects: [configMap("content", { key: "one" })] });
        expect(await stack.upOnly()).toMatchObject({ code: 0 });
        const before = await server.admin.get(inDefault("content"));
        declare(stack, { objects: [configMap("content", { key: "two" })] });
        // diff.go, forceNewProperties
        expect(await stack.upOnly()).toMatchObject({ code: 0, text: expect.stringMatching(/1 replaced/) as string });
        const replaced = await server.admin.get(inDefault("content"));
        expect(replaced?.metadata.uid).not.toBe(before?.metadata.uid);
        declare(stack, {
            provider: { enableConfigMapMutable: true },
            objects: [configMap("content", { key: "three" })],
        });
        expect(await stack.upOnly()).toMatchObject({ code: 0, text: expect.stringMatching(/~ 2 updated/) as string });
        const updated = await server.admin.get(inDefault("content"));
        expect(updated).toMatchObject({ metadata: { uid: replaced?.metadata.uid }, data: { key: "three" } });
    });

    test("a field that another manager has taken is a conflict that names it; the annotation patchForce takes it back", async () => {
        const mutable = { provider: { enableConfigMapMutable: true } };
        const stack = await stackOf({ ...mutable, objects: [configMap("taken", { key: "one" })] });
        expect(await stack.upOnly()).toMatchObject({ code: 0 });
        await server.admin.apply({ ...inDefault("taken"), data: { key: "theirs" } } as NamedObject, {
            manager: "someone",
            force: true,
        });
        declare(stack, { ...mutable, objects: [configMap("taken", { key: "two" })] });
        const refused = await stack.upOnly("--skip-preview");
        expect(refused.code).not.toBe(0);
        // await.go, handleSSAErr; the field managers of a creation change hands first
        expect(refused.text).toMatch(/server-side apply field conflict detected/);
        expect(refused.text).toMatch(/conflict with "someone": \.data\.key/);
        const forced = {
            ...configMap("taken", { key: "two" }),
            metadata: { name: "taken", namespace: "default", annotations: { "pulumi.com/patchForce": "true" } },
        };
        declare(stack, { ...mutable, objects: [forced] });
        // await.go, patchForce
        expect(await stack.upOnly("--skip-preview")).toMatchObject({ code: 0 });
        expect(await server.admin.get(inDefault("taken"))).toMatchObject({ data: { key: "two" } });
    });

    test("a refresh sees what others changed and deleted; the update brings back what was deleted", async () => {
        const stack = await stackOf({ objects: [mirrorSet("drifted"), mirrorSet("deleted")] });
        expect(await stack.upOnly()).toMatchObject({ code: 0 });
        const { spec } = mirrorSet("drifted", "quay.io/foreign") as { spec?: object };
        await server.admin.patch(idms("drifted"), { spec });
        await server.admin.remove(idms("deleted"));
        // provider.go, Read
        const drift = await stack.refreshPreview("--diff");
        expect(drift.text).toMatch(/quay\.io\/foreign/);
        expect(drift.text).toMatch(/- 1 to delete/);
        // The field belongs to whoever changed it last: only enablePatchForce takes it back.
        const refused = await stack.up();
        expect(refused.code).not.toBe(0);
        expect(refused.text).toMatch(/Apply failed with 1 conflict: .*\.spec\.imageDigestMirrors/);
        expect(await server.admin.get(idms("deleted"))).toBeDefined();
        const objects = [mirrorSet("drifted"), mirrorSet("deleted")];
        declare(stack, { provider: { enablePatchForce: true }, objects });
        expect(await stack.up()).toMatchObject({ code: 0 });
        expect(await server.admin.get(idms("drifted"))).toMatchObject({
            spec: { imageDigestMirrors: [{ source: "quay.io/team" }] },
        });
    });
});
