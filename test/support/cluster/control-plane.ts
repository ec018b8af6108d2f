import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type TestAuthority, testAuthority } from "../certificates";
import { end, isRunning } from "../processes";
import { freePort } from "../registry-process";
import { ApiClient } from "./api-client";

/** One request that the API server has responded to. */
export interface AuditedRequest {
    /** `admin`, or `system:serviceaccount:<namespace>:<name>`. */
    readonly user: string;
    /** `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`. */
    readonly verb: string;
    readonly path: string;
    readonly status: number;
    /** When the API server received it, in ms since 1970. */
    readonly receivedAt: number;
}

/** etcd and kube-apiserver on loopback, in a folder of their own: TLS, RBAC, service accounts, no controllers. */
export class ControlPlane {
    private etcd: ChildProcess | undefined;
    private apiServer: ChildProcess | undefined;

    private constructor(
        readonly folder: string,
        readonly port: number,
        private readonly etcdPorts: readonly [client: number, peer: number],
        readonly authority: TestAuthority,
        readonly adminToken: string,
        private readonly collectsGarbage: boolean,
    ) {}

    /**
     * Starts both; on failure nothing is left running.
     * @param collectsGarbage the controller runs that removes what has lost its owners
     */
    static async start(collectsGarbage = false): Promise<ControlPlane> {
        const folder = mkdtempSync(join(tmpdir(), "api server "));
        const authority = await testAuthority("cluster CA");
        const ports = [await freePort(), await freePort()] as const;
        const token = "admin-of-the-test-cluster";
        const plane = new ControlPlane(folder, await freePort(), ports, authority, token, collectsGarbage);
        try {
            await plane.writeFiles();
            plane.etcd = plane.launch("etcd", plane.etcdArguments());
            await plane.startApiServer();
        } catch (error) {
            await plane.stop();
            throw error;
        }
        return plane;
    }

    get url(): string {
        return `https://localhost:${this.port}`;
    }

    client(token = this.adminToken): ApiClient {
        return new ApiClient({ url: this.url, ca: this.authority.ca, token });
    }

    /** Starts the API server (again): on the same port, with what etcd holds. */
    async startApiServer(): Promise<void> {
        this.apiServer = this.launch("kube-apiserver", this.apiServerArguments());
        const client = this.client();
        try {
            while (!(await isReady(client))) {
                this.requireRunning("etcd", this.etcd);
                this.requireRunning("kube-apiserver", this.apiServer);
                await delay(50);
            }
        } finally {
            client.close();
        }
    }

    /** Ends the API server; etcd stays. */
    async killApiServer(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
        if (this.apiServer !== undefined) await end(this.apiServer, signal);
    }

    async stop(): Promise<void> {
        for (const child of [this.apiServer, this.etcd]) if (child !== undefined) await end(child);
        rmSync(this.folder, { recursive: true, force: true });
    }

    /** Requests of all users but the API server itself, in the order of their responses. */
    requests(): AuditedRequest[] {
        return readFileSync(this.file("audit.log"), "utf8")
            .split("\n")
            .filter((line) => line !== "")
            .map((line) => JSON.parse(line) as AuditEvent)
            .map(({ user, verb, requestURI, responseStatus, requestReceivedTimestamp }) => ({
                user: user.username,
                verb,
                path: requestURI,
                status: responseStatus?.code ?? 0,
                receivedAt: Date.parse(requestReceivedTimestamp),
            }));
    }

    /** Resident memory of both processes, in bytes. */
    memory(): number {
        return [this.etcd, this.apiServer]
            .map((child) => readFileSync(`/proc/${child?.pid ?? 0}/status`, "utf8"))
            .reduce((sum, status) => sum + Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024, 0);
    }

    private file(name: string): string {
        return join(this.folder, name);
    }

    private async writeFiles(): Promise<void> {
        const server = await this.authority.issue();
        // What it shows to kubelets, for logs of pods (extendedKeyUsage clientAuth).
        const client = { names: [], commonName: "kube-apiserver", usages: ["1.3.6.1.5.5.7.3.2"] };
        const kubelet = await this.authority.issue(client);
        const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
        const files = {
            "ca.crt": this.authority.ca,
            "server.crt": server.certificate,
            "server.key": server.key,
            "kubelet-client.crt": kubelet.certificate,
            "kubelet-client.key": kubelet.key,
            "service-accounts.key": privateKey.export({ type: "sec1", format: "pem" }).toString(),
            "service-accounts.pub": publicKey.export({ type: "spki", format: "pem" }).toString(),
            "tokens.csv": `${this.adminToken},admin,admin,"system:masters"\n`,
            "audit.yaml": JSON.stringify(AUDIT_POLICY),
            "audit.log": "",
        };
        for (const [name, text] of Object.entries(files)) writeFileSync(this.file(name), text, { mode: 0o600 });
    }

    private etcdArguments(): string[] {
        const [client, peer] = this.etcdPorts.map((port) => `http://127.0.0.1:${port}`);
        return [
            `--data-dir=${this.file("etcd")}`,
            `--listen-client-urls=${client}`,
            `--advertise-client-urls=${client}`,
            `--listen-peer-urls=${peer}`,
            `--initial-advertise-peer-urls=${peer}`,
            `--initial-cluster=default=${peer}`,
            "--unsafe-no-fsync",
            "--log-level=warn",
        ];
    }

    private apiServerArguments(): string[] {
        return [
            `--etcd-servers=http://127.0.0.1:${this.etcdPorts[0]}`,
            "--bind-address=127.0.0.1",
            `--secure-port=${this.port}`,
            `--tls-cert-file=${this.file("server.crt")}`,
            `--tls-private-key-file=${this.file("server.key")}`,
            `--client-ca-file=${this.file("ca.crt")}`,
            `--kubelet-client-certificate=${this.file("kubelet-client.crt")}`,
            `--kubelet-client-key=${this.file("kubelet-client.key")}`,
            "--kubelet-preferred-address-types=Hostname",
            `--token-auth-file=${this.file("tokens.csv")}`,
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            `--service-account-key-file=${this.file("service-accounts.pub")}`,
            `--service-account-signing-key-file=${this.file("service-accounts.key")}`,
            "--service-cluster-ip-range=10.0.0.0/24",
            // No controller creates the service account "default", which pods would need.
            "--disable-admission-plugins=ServiceAccount",
            // Without its controller, what is deleted in the foreground would keep a finalizer and stay.
            `--enable-garbage-collector=${this.collectsGarbage}`,
            "--endpoint-reconciler-type=none",
            "--enable-priority-and-fairness=false",
            `--audit-policy-file=${this.file("audit.yaml")}`,
            `--audit-log-path=${this.file("audit.log")}`,
            "--audit-log-mode=blocking",
        ];
    }

    private launch(program: string, args: readonly string[]): ChildProcess {
        const log = openSync(this.file(`${program}.log`), "a", 0o600);
        const child = spawn(program, args, { stdio: ["ignore", log, log], cwd: this.folder });
        closeSync(log);
        child.on("error", (error) => {
            writeFileSync(this.file(`${program}.log`), `npm test puts ${program} on PATH: ${error.message}`);
        });
        return child;
    }

    private requireRunning(program: string, child: ChildProcess | undefined): void {
        if (child !== undefined && isRunning(child)) return;
        const log = readFileSync(this.file(`${program}.log`), "utf8").slice(-4000);
        throw new Error(`${program} ended with ${child?.exitCode ?? child?.signalCode ?? "no process"}:\n${log}`);
    }
}

/** A part of audit.k8s.io/v1 Event. */
interface AuditEvent {
    readonly user: { readonly username: string };
    readonly verb: string;
    readonly requestURI: string;
    readonly responseStatus?: { readonly code?: number };
    /** RFC 3339 with microseconds. */
    readonly requestReceivedTimestamp: string;
}

const AUDIT_POLICY = {
    apiVersion: "audit.k8s.io/v1",
    kind: "Policy",
    omitStages: ["RequestReceived", "ResponseStarted"],
    rules: [{ level: "None", users: ["system:apiserver", "system:anonymous"] }, { level: "Metadata" }],
};

async function isReady(client: ApiClient): Promise<boolean> {
    try {
        return (await client.request("GET", "/readyz")).status === 200;
    } catch {
        return false;
    }
}
