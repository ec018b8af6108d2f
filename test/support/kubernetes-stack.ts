import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type KubernetesPlugin, kubernetesPlugin, pathWith } from "./kubernetes-plugin";
import { type ApiServer, startApiServer } from "./api-server";
import type { NamedObject } from "./cluster/api-client";
import { type CliRun, PROJECT, type StackProject, TestStack } from "./stack";

/** A resource of the program `test/fixtures/kubernetes-program`; `SECRET` in it is the secret of the configuration. */
export interface DeclaredObject {
    /** Of the Pulumi resource. */
    readonly name: string;
    readonly type: "ConfigMap" | "ConfigMapPatch" | "CustomResource" | "CustomResourcePatch" | "Secret";
    readonly apiVersion?: string;
    readonly kind?: string;
    readonly metadata?: object;
    readonly [field: string]: unknown;
    /** The ID of an object that is only looked up. */
    readonly get?: string;
    /** The custom timeout of its deletion: `5s`. */
    readonly timeout?: string;
}

export interface DeclaredProgram {
    /** Arguments of the provider resource but the kubeconfig. */
    readonly provider?: object;
    readonly objects: readonly DeclaredObject[];
}

const PULUMI_YAML = "name: kubernetes\nruntime: { name: nodejs, options: { typescript: false } }\n";

/** A project without a part of this package: the engine, the SDK of kubernetes and its plugin alone. */
class KubernetesProject implements StackProject {
    readonly name = "kubernetes";
    readonly folder = mkdtempSync(join(tmpdir(), "kubernetes project "));

    constructor() {
        mkdirSync(join(this.folder, "node_modules"));
        symlinkSync(join(PROJECT, "node_modules/@pulumi"), join(this.folder, "node_modules/@pulumi"));
        copyFileSync(join(PROJECT, "test/fixtures/kubernetes-program/index.cjs"), join(this.folder, "index.cjs"));
        writeFileSync(join(this.folder, "Pulumi.yaml"), PULUMI_YAML);
        writeFileSync(join(this.folder, "package.json"), JSON.stringify({ name: this.name, main: "index.cjs" }));
    }

    async stack(plugin: KubernetesPlugin, kubeconfig: string): Promise<TestStack> {
        const stack = await TestStack.ofProject(this);
        stack.setVariable("PATH", pathWith(plugin));
        reach(stack, kubeconfig);
        return stack;
    }

    remove(): void {
        rmSync(this.folder, { recursive: true, force: true });
    }
}

export function declare(stack: TestStack, program: DeclaredProgram): void {
    stack.configure(program, "program");
}

/** Sets the cluster of the stack's provider. */
export function reach(stack: TestStack, kubeconfig: string): void {
    stack.configure(kubeconfig, "kubeconfig");
}

/** As `pulumi up` with these objects and no others, without its preview. */
export function apply(stack: TestStack, program: DeclaredProgram): Promise<CliRun> {
    declare(stack, program);
    return stack.upOnly("--skip-preview");
}

export const CONFIG_API = "config.openshift.io/v1";

/** A rule for one source, and its name in the cluster. */
export function mirrorSet(name: string, source = "quay.io/team", policy = "AllowContactingSource"): DeclaredObject {
    const entry = { source, mirrors: ["registry.lab.test/mirror/quay.io/team"], mirrorSourcePolicy: policy };
    return { ...idms(name), name, type: "CustomResource", spec: { imageDigestMirrors: [entry] } };
}

export function configMap(name: string, data: Readonly<Record<string, string>>): DeclaredObject {
    const { metadata } = inDefault(name);
    return { name, type: "ConfigMap", metadata, data };
}

export function idms(name: string) {
    return { apiVersion: CONFIG_API, kind: "ImageDigestMirrorSet", metadata: { name } };
}

/** A ConfigMap of the namespace `default`. */
export function inDefault(name: string) {
    return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "default" } };
}

/** The stacks of one test file: the program, the plugin, and one API server with OpenShift's definitions. */
export class KubernetesStacks {
    private readonly stacks: TestStack[] = [];

    private constructor(
        readonly server: ApiServer,
        private readonly plugin: KubernetesPlugin,
        private readonly project: KubernetesProject,
    ) {}

    /** @param plugin default: the official one where it is installed */
    static async start(plugin = kubernetesPlugin()): Promise<KubernetesStacks> {
        return new KubernetesStacks(await startApiServer({ crds: "4.16" }), plugin, new KubernetesProject());
    }

    /** @param kubeconfig default: one that may do everything */
    async create(program: DeclaredProgram, kubeconfig = this.server.kubeconfig): Promise<TestStack> {
        const stack = await this.project.stack(this.plugin, kubeconfig);
        this.stacks.push(stack);
        declare(stack, program);
        return stack;
    }

    /** Who manages fields of an object: `pulumi-kubernetes Update`. */
    async managers(reference: NamedObject): Promise<string[]> {
        const object = await this.server.admin.get(reference);
        return (object?.metadata.managedFields ?? []).map(({ manager, operation }) => `${manager} ${operation}`);
    }

    async stop(): Promise<void> {
        for (const stack of this.stacks) stack.remove();
        this.project.remove();
        await this.server.stop();
    }
}
