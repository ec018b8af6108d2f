import { type ApiServer, formatKubeconfig } from "../support/api-server";
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
    reach,
} from "../support/kubernetes-stack";
import type { TestStack } from "../support/stack";

/*
 * What this project relies on of the Pulumi kubernetes plugin: patches, removal, and clusters that change. The same tests
 * pass with the official plugin 4.32.0 (KUBERNETES_PLUGIN_UNDER_TEST=<folder of the program>), where each was seen, and
 * with the stand-in of test/support. In comments: the file below `provider/pkg` of pulumi-kubernetes in which the official
 * plugin does it. Tests share a stack where what they leave in it does not matter.
 */

jest.setTimeout(600_000);

let stacks: KubernetesStacks;
let server: ApiServer;
let shared: TestStack;

beforeAll(async () => {
    stacks = await KubernetesStacks.start();
    server = stacks.server;
    shared = await stacks.create({ objects: [] });
});
afterAll(() => stacks.stop());

async function until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 100));
}

describe("patches", () => {
    const hub = { apiVersion: CONFIG_API, kind: "OperatorHub", metadata: { name: "cluster" } };
    const patch = {
        ...hub,
        name: "hub",
        type: "CustomResourcePatch",
        spec: { disableAllDefaultSources: true },
    } as const;

    test("a patch sets its fields, and gives them up when it is removed", async () => {
        const sources = [{ name: "theirs", disabled: true }];
        await server.admin.apply({ ...hub, spec: { sources } } as NamedObject, { manager: "someone" });
        expect(await apply(shared, { objects: [patch] })).toMatchObject({ code: 0 });
        expect(await server.admin.get(hub)).toMatchObject({ spec: { sources, disableAllDefaultSources: true } });
        expect(await stacks.managers(hub)).toContainEqual(expect.stringMatching(/^pulumi-kubernetes-\w{8} Apply$/));
        expect(await shared.preview("--expect-no-changes")).toMatchObject({ code: 0 });
        expect(await apply(shared, { objects: [] })).toMatchObject({ code: 0 });
        // ssa/actions.go, Relinquish
        expect((await server.admin.get(hub))?.spec).toEqual({ sources });
    });

    test("a patch that owns a field which the object must have cannot be removed", async () => {
        const metadata = { name: "required", namespace: "default" };
        const catalog = { apiVersion: "operators.coreos.com/v1alpha1", kind: "CatalogSource", metadata };
        await server.admin.apply({ ...catalog, spec: { sourceType: "grpc", image: "quay.io/a" } } as NamedObject);
        const annotations = { "pulumi.com/patchForce": "true" };
        const owning = { ...catalog, metadata: { ...metadata, annotations }, spec: { sourceType: "internal" } };
        const stack = await stacks.create({
            objects: [{ ...owning, name: "required", type: "CustomResourcePatch" }],
        });
        expect(await stack.upOnly("--skip-preview")).toMatchObject({ code: 0 });
        const refused = await stack.destroy("--skip-preview");
        expect(refused.code).not.toBe(0);
        // provider.go, Delete
        expect(refused.text).toMatch(/this Patch resource is currently managing a required field/);
        expect(refused.text).toMatch(/spec\.sourceType/);
        expect(await server.admin.get(catalog)).toMatchObject({ spec: { sourceType: "internal" } });
    });

    test("a foreign change of a patched field is a conflict", async () => {
        await server.admin.apply(inDefault("shared"), { manager: "someone" });
        const ours = { ...configMap("shared", { ours: "one" }), type: "ConfigMapPatch" } as const;
        expect(await apply(shared, { objects: [ours] })).toMatchObject({ code: 0 });
        const theirs = { ...inDefault("shared"), data: { ours: "theirs" } } as NamedObject;
        await server.admin.apply(theirs, { manager: "someone", force: true });
        const refused = await apply(shared, { objects: [{ ...ours, data: { ours: "two" } }] });
        expect(refused.code).not.toBe(0);
        expect(refused.text).toMatch(/conflict with "someone": \.data\.ours/);
    });
});

describe("removing", () => {
    const rules = (verbs: string[]) => [
        { apiGroups: ["config.openshift.io"], resources: ["imagedigestmirrorsets"], verbs },
    ];
    const written = ["create", "get", "patch", "delete"];

    test("an account that may list and watch sees the end of a deletion", async () => {
        const kubeconfig = await server.kubeconfigFor("watching", rules([...written, "list", "watch"]));
        const stack = await stacks.create({ objects: [mirrorSet("watched")] }, kubeconfig);
        expect(await stack.upOnly("--skip-preview")).toMatchObject({ code: 0 });
        expect(await stack.destroy("--skip-preview")).toMatchObject({ code: 0 });
        expect(await server.admin.get(idms("watched"))).toBeUndefined();
    });

    test("one that may not waits for it until it is cancelled, though the object is gone", async () => {
        const kubeconfig = await server.kubeconfigFor("blind", rules(written));
        const stack = await stacks.create({ objects: [{ ...mirrorSet("unwatched"), timeout: "5s" }] }, kubeconfig);
        expect(await stack.upOnly("--skip-preview")).toMatchObject({ code: 0 });
        const { child, done } = stack.startDestroy();
        let hasEnded = false;
        void done.then(() => (hasEnded = true));
        // await/informers/factory.go, Subscribe: it asks again and again; the resource's timeout does not end that
        await until(() => hasEnded || secondsOfAsking() > 5);
        expect(hasEnded).toBe(false);
        expect(await server.admin.get(idms("unwatched"))).toBeUndefined();
        child.kill("SIGINT");
        await done;
    });

    /** By the API server's clock: from the deletion to the last rejected request for the list. */
    function secondsOfAsking(): number {
        const own = server.requests().filter(({ user }) => user === "system:serviceaccount:default:blind");
        const deletion = own.find(({ verb }) => verb === "delete");
        const rejected = own.findLast(({ verb, status }) => verb === "list" && status === 403);
        if (deletion === undefined || rejected === undefined) return 0;
        return (rejected.receivedAt - deletion.receivedAt) / 1000;
    }

    test("an update that goes on after errors removes an object whose successor failed: npm run up refuses it", async () => {
        const stack = await stacks.create({ objects: [mirrorSet("former")] });
        expect(await stack.upOnly("--skip-preview")).toMatchObject({ code: 0 });
        declare(stack, { objects: [mirrorSet("successor", "quay.io/team", "NoSuchPolicy")] });
        const stopped = await stack.upOnly("--skip-preview");
        expect(stopped.code).not.toBe(0);
        expect(await server.admin.get(idms("former"))).toBeDefined();
        const going = await stack.upOnly("--skip-preview", "--continue-on-error");
        expect(going.code).not.toBe(0);
        expect(await server.admin.get(idms("successor"))).toBeUndefined();
        expect(await server.admin.get(idms("former"))).toBeUndefined();
    });

    test("an object that no longer exists is no error", async () => {
        const objects = [mirrorSet("vanished")];
        expect(await apply(shared, { objects })).toMatchObject({ code: 0 });
        await server.admin.remove(idms("vanished"));
        // await.go, Deletion
        expect(await apply(shared, { objects: [] })).toMatchObject({ code: 0 });
    });
});

describe("a cluster that cannot be reached", () => {
    /** A port of loopback on which nothing listens. */
    const unreachable = () =>
        formatKubeconfig({ url: "https://127.0.0.1:1", ca: server.ca }, "nobody", { token: "none" });
    const provider = { clusterIdentifier: "lab" };

    test("a preview of new objects does not mention it; an update fails", async () => {
        const stack = await stacks.create({ provider, objects: [mirrorSet("unreached")] }, unreachable());
        const preview = await stack.preview();
        // provider.go, Configure and Create
        expect(preview).toMatchObject({ code: 0, text: expect.stringMatching(/\+ 3 to create/) as string });
        expect(preview.text).not.toMatch(/unreachable|refused/);
        const refused = await stack.upOnly("--skip-preview");
        expect(refused.code).not.toBe(0);
        expect(refused.text).toMatch(/configured Kubernetes cluster is unreachable: .*connection refused|ECONNREFUSED/);
    });

    test("known objects are previewed from the state; refresh and destroy fail, unless told to go on", async () => {
        const objects = [mirrorSet("lost")];
        const stack = await stacks.create({ provider, objects });
        expect(await stack.upOnly("--skip-preview")).toMatchObject({ code: 0 });
        reach(stack, unreachable());
        const preview = await stack.preview();
        expect(preview).toMatchObject({ code: 0, text: expect.stringMatching(/2 unchanged/) as string });
        declare(stack, { provider, objects: [mirrorSet("lost", "quay.io/other")] });
        expect((await stack.preview()).text).toMatch(/~ 2 to update/);
        // The state gets the kubeconfig.
        expect(await apply(stack, { provider, objects })).toMatchObject({ code: 0 });
        const refused = await stack.refresh("--skip-preview");
        expect(refused.code).not.toBe(0);
        // provider.go, Read and Delete
        expect(refused.text).toMatch(/failed to read resource state due to unreachable cluster/);
        expect((await stack.destroy("--skip-preview")).text).toMatch(
            /configured Kubernetes cluster is unreachable\. If the cluster was deleted/,
        );
        const skipping = { ...provider, skipUpdateUnreachable: true };
        expect(await apply(stack, { provider: skipping, objects })).toMatchObject({ code: 0 });
        const refreshed = await stack.refresh("--skip-preview");
        expect(refreshed).toMatchObject({ code: 0, text: expect.stringMatching(/3 unchanged/) as string });
        const deleting = { ...provider, deleteUnreachable: true };
        expect(await apply(stack, { provider: deleting, objects })).toMatchObject({ code: 0 });
        expect(await stack.destroy("--skip-preview")).toMatchObject({ code: 0 });
        expect(await server.admin.get(idms("lost"))).toBeDefined();
    });
});

describe("another cluster", () => {
    /** The same API server under another name: a certificate for localhost covers both. */
    const renamed = () => server.kubeconfig.replaceAll("//localhost:", "//127.0.0.1:");

    test("a changed server replaces all objects, unless the clusterIdentifier stays", async () => {
        const stack = await stacks.create({ objects: [mirrorSet("moved")] });
        expect(await stack.upOnly("--skip-preview")).toMatchObject({ code: 0 });
        reach(stack, renamed());
        // provider.go, DiffConfig
        expect((await stack.preview()).text).toMatch(/\+-2 to replace/);
    });

    test("with a clusterIdentifier, it alone decides", async () => {
        const declared = (clusterIdentifier: string) => ({
            provider: { clusterIdentifier },
            objects: [mirrorSet("identified")],
        });
        const stack = await stacks.create(declared("one"));
        expect(await stack.upOnly("--skip-preview")).toMatchObject({ code: 0 });
        reach(stack, renamed());
        expect((await stack.preview()).text).toMatch(/~ 1 to update/);
        declare(stack, declared("two"));
        expect((await stack.preview()).text).toMatch(/\+-2 to replace/);
    });
});
