import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ApiClient, ApiObject, NamedObject } from "./cluster/api-client";
import { end, listening } from "./processes";
import { freePort } from "./registry-process";

const NAMES = { pull: ["registry", "registry-accounts"], push: ["registry-push", "registry-push-accounts"] } as const;
const INSTANCES = ["pull", "push"] as const;
type Instance = (typeof INSTANCES)[number];

interface Container {
    readonly name: string;
    readonly env?: readonly {
        readonly name: string;
        readonly value?: string;
        readonly valueFrom?: { readonly secretKeyRef?: { readonly name: string; readonly key: string } };
    }[];
}

/**
 * What kubelet and kube-proxy make of a deployed registry: real registry processes with its configuration, Secrets and a
 * folder in the place of the volume, at the ports of its Services on loopback. Its StatefulSet is ready when they listen.
 */
export class ScriptedRegistryPods {
    private readonly folder = mkdtempSync(join(tmpdir(), "registry pods "));
    private running: ChildProcess[] = [];
    private started = "";
    private accounts = "";

    constructor(
        private readonly admin: ApiClient,
        private readonly namespace: string,
        private readonly faults: { readonly refusesUploads?: boolean } = {},
    ) {}

    /** As a controller of a `TestCluster`. @returns true if anything has changed */
    async pass(): Promise<boolean> {
        const set = await this.admin.get(this.named("apps/v1", "StatefulSet", "registry"));
        const wanted = set === undefined ? "" : `${set.metadata.uid} ${set.metadata.generation ?? 0}`;
        const isSame = wanted === this.started;
        if (!isSame) await this.end();
        if (set === undefined) return !isSame;
        const isChanged = await this.writeAccounts();
        if (isSame) return isChanged;
        await this.start(set);
        this.started = wanted;
        await this.admin.patch(set, { status: readyStatus(set) }, "/status");
        return true;
    }

    async stop(): Promise<void> {
        await this.end();
        rmSync(this.folder, { recursive: true, force: true });
    }

    private async end(): Promise<void> {
        await Promise.all(this.running.map((child) => end(child)));
        this.running = [];
        this.started = "";
    }

    /** A Secret that has changed, as the kubelet writes it to its folder. */
    private async writeAccounts(): Promise<boolean> {
        const texts = await Promise.all(INSTANCES.map((one) => this.secret(NAMES[one][1], "htpasswd")));
        if (texts.join() === this.accounts) return false;
        this.accounts = texts.join();
        for (const [index, text] of texts.entries()) this.write(`${INSTANCES[index] ?? ""}/accounts/htpasswd`, text);
        return true;
    }

    private async start(set: ApiObject): Promise<void> {
        for (const file of ["tls.crt", "tls.key"])
            this.write(`certificate/${file}`, await this.secret("registry-certificate", file));
        const config = await this.admin.get(this.named("v1", "ConfigMap", "registry-config"));
        for (const [name, text] of Object.entries(config?.data ?? {})) this.write(`config/${name}`, text);
        for (const instance of INSTANCES) {
            const port = await this.nodePort(instance);
            const health = await freePort();
            const text = (config?.data?.[`${instance}.yml`] ?? "")
                .replaceAll("/etc/registry-passthrough/accounts", join(this.folder, instance, "accounts"))
                .replaceAll("/etc/registry-passthrough", this.folder)
                .replaceAll("/var/lib/registry", join(this.folder, "storage"))
                .replace(/"readonly": \{\s*"enabled": false/, (found) =>
                    this.faults.refusesUploads === true ? found.replace("false", "true") : found,
                )
                .replace(/":50[01]0"/, `"127.0.0.1:${port}"`)
                .replace(/":50[01]1"/, `"127.0.0.1:${health}"`);
            this.write(`${instance}/config.yml`, text);
            const env = { ...process.env, ...(await this.environment(set, instance)) };
            const [program, ...args] = ["registry", "serve", join(this.folder, instance, "config.yml")] as const;
            const child = spawn(program, args, { env, stdio: ["ignore", "ignore", "ignore"] });
            this.running.push(child);
            await listening(child, port, () => "");
        }
    }

    /** Variables of the instance's container, those from Secrets among them. */
    private async environment(set: ApiObject, instance: Instance): Promise<Record<string, string>> {
        const { template } = set.spec as { template: { spec: { containers: Container[] } } };
        const container = template.spec.containers.find(({ name }) => name === instance);
        const all = (container?.env ?? []).map(async ({ name, value, valueFrom }) => {
            const { secretKeyRef } = valueFrom ?? {};
            const text = secretKeyRef && (await this.secret(secretKeyRef.name, secretKeyRef.key));
            return [name, text ?? (value ?? "").replace("/etc/registry-passthrough", this.folder)] as const;
        });
        return Object.fromEntries(await Promise.all(all));
    }

    private async nodePort(instance: Instance): Promise<number> {
        const service = await this.admin.get(this.named("v1", "Service", NAMES[instance][0]));
        const [port] = (service?.spec?.ports ?? []) as { nodePort?: number }[];
        if (port?.nodePort === undefined) throw new Error(`the Service of ${instance} has no port of nodes`);
        return port.nodePort;
    }

    private async secret(name: string, file: string): Promise<string> {
        const found = await this.admin.get(this.named("v1", "Secret", name));
        return Buffer.from(found?.data?.[file] ?? "", "base64").toString("utf8");
    }

    private named(apiVersion: string, kind: string, name: string): NamedObject {
        return { apiVersion, kind, metadata: { name, namespace: this.namespace } };
    }

    private write(path: string, text: string): void {
        mkdirSync(join(this.folder, path, ".."), { recursive: true });
        writeFileSync(join(this.folder, path), text, { mode: 0o600 });
    }
}

function readyStatus({ metadata }: ApiObject): object {
    const counts = { replicas: 1, readyReplicas: 1, updatedReplicas: 1, currentReplicas: 1, availableReplicas: 1 };
    const revision = `registry-${metadata.generation ?? 0}`;
    return { ...counts, observedGeneration: metadata.generation, currentRevision: revision, updateRevision: revision };
}
