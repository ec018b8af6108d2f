import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { kubernetesPlugin, standInPlugin } from "../support/kubernetes-plugin";
import { findConfigFailures } from "../support/kubernetes-plugin/settings";
import { KubernetesStacks, configMap, declare, idms, mirrorSet } from "../support/kubernetes-stack";
import type { TestStack } from "../support/stack";

jest.setTimeout(600_000);

describe("the program", () => {
    let child: ChildProcess | undefined;

    afterEach(() => {
        child?.kill();
    });

    test("prints its port, and on stderr that it is a stand-in", async () => {
        child = spawn(join(standInPlugin(), "pulumi-resource-kubernetes"), ["127.0.0.1:1"]);
        const [errors] = (await once(child.stderr as NodeJS.EventEmitter, "data")) as [Buffer];
        expect(errors.toString("utf8")).toMatch(
            /^a stand-in for the kubernetes plugin \d+\.\d+\.\d+, for tests only$/m,
        );
        const [port] = (await once(child.stdout as NodeJS.EventEmitter, "data")) as [Buffer];
        expect(Number(port.toString("utf8"))).toBeGreaterThan(1023);
    });
});

describe("the plugin for tests", () => {
    const folder = mkdtempSync(join(tmpdir(), "plugins "));
    const [chosen, onPath, home] = ["chosen", "path", "home"].map((name) => join(folder, name)) as [
        string,
        string,
        string,
    ];
    const installed = join(home, "plugins", "resource-kubernetes-v4.32.0");

    beforeAll(() => {
        for (const directory of [chosen, onPath, installed]) {
            mkdirSync(directory, { recursive: true });
            writeFileSync(join(directory, "pulumi-resource-kubernetes"), "");
        }
    });
    afterAll(() => {
        rmSync(folder, { recursive: true });
    });

    test("is the official one where there is one: the chosen, that of Pulumi's home, that on PATH", () => {
        const environment = { PATH: ["/nowhere", onPath].join(delimiter), PULUMI_HOME: join(folder, "none") };
        expect(kubernetesPlugin(environment)).toEqual({ directory: onPath, isOfficial: true });
        expect(kubernetesPlugin({ ...environment, PULUMI_HOME: home }).directory).toBe(installed);
        const all = { ...environment, PULUMI_HOME: home, KUBERNETES_PLUGIN_UNDER_TEST: chosen };
        expect(kubernetesPlugin(all).directory).toBe(chosen);
    });

    test("is else the stand-in; a chosen folder without a plugin is an error", () => {
        const environment = { PATH: "/nowhere", PULUMI_HOME: join(folder, "none") };
        expect(kubernetesPlugin(environment)).toEqual({ directory: standInPlugin(), isOfficial: false });
        const wrong = { ...environment, KUBERNETES_PLUGIN_UNDER_TEST: folder };
        expect(() => kubernetesPlugin(wrong)).toThrow(/there is no pulumi-resource-kubernetes in/);
    });
});

describe("what the stand-in refuses", () => {
    let stacks: KubernetesStacks;
    let stack: TestStack;

    beforeAll(async () => {
        stacks = await KubernetesStacks.start({ directory: standInPlugin(), isOfficial: false });
        stack = await stacks.create({ objects: [] });
    });
    afterAll(() => stacks.stop());

    async function refusal(program: Parameters<typeof declare>[1]): Promise<string> {
        declare(stack, program);
        const { code, text } = await stack.preview();
        expect(code).not.toBe(0);
        return text;
    }

    test("provider options that do not exist, that it does not implement, and values that are no flags", () => {
        const kubeconfig = "{}";
        expect(findConfigFailures({ kubeconfig, context: "lab", upsertExistingObjects: "true" })).toEqual([]);
        const reasons = (options: Record<string, string>) => findConfigFailures({ kubeconfig, ...options });
        expect(reasons({ kubeConfig: "" })).toMatchObject([
            { reason: expect.stringMatching(/is no option/) as string },
        ]);
        expect(reasons({ namespace: "a" })).toMatchObject([
            { reason: expect.stringMatching(/does not implement/) as string },
        ]);
        expect(reasons({ deleteUnreachable: "yes" })).toMatchObject([
            { reason: expect.stringMatching(/true or false/) as string },
        ]);
        expect(findConfigFailures({})).toMatchObject([{ property: "kubeconfig" }]);
    });

    test("an option of the provider resource fails the preview", async () => {
        const text = await refusal({ provider: { namespace: "other" }, objects: [] });
        expect(text).toContain('the stand-in for the kubernetes plugin does not implement "namespace"');
    });

    test("kinds that this project does not use", async () => {
        const metadata = { name: "secret", namespace: "default" };
        const text = await refusal({ objects: [{ name: "secret", type: "Secret", metadata }] });
        expect(text).toContain("does not implement the type kubernetes:core/v1:Secret: install the official plugin");
    });

    test("objects without a name, and annotations whose effect it does not have", async () => {
        const unnamed = { ...configMap("unnamed", {}), metadata: { namespace: "default" } };
        expect(await refusal({ objects: [unnamed] })).toContain("does not implement objects without metadata.name");
        const annotations = { "pulumi.com/waitFor": "jsonpath={.status}" };
        const waiting = { ...mirrorSet("waiting"), metadata: { name: "waiting", annotations } };
        expect(await refusal({ objects: [waiting] })).toContain("does not implement the annotation pulumi.com/waitFor");
    });

    test("fields that the kind does not have, which the API server drops for the official plugin", async () => {
        const misspelt = { ...mirrorSet("misspelt"), spec: { imageDigestMirror: [] } };
        expect(await refusal({ objects: [misspelt] })).toMatch(/unknown field "spec\.imageDigestMirror"/);
        expect(await stacks.server.admin.get(idms("misspelt"))).toBeUndefined();
    });
});
