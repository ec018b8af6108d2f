import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectCluster } from "../../../lib/kubernetes/connect";
import { DEFAULT_LIMITS, type ClientLimits } from "../../../lib/kubernetes/limits";
import { type TestAuthority, testAuthority } from "../../support/certificates";
import { ScriptedServer } from "../../support/http-server";
import { clusterEntry, kubeconfigText } from "../../support/kubeconfig";
import { failure } from "../../support/scripted-api";

const MAPS = { apiVersion: "v1", resource: "configmaps", namespace: "n" };
const MAP = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "ca" } };
const API_VERSION = "client.authentication.k8s.io/v1";
const OK = { status: 200, body: JSON.stringify(MAP) };
const REJECTED = { status: 401, body: "Unauthorized" };

let authority: TestAuthority;
let folder = "";
let server: ScriptedServer;
/** Tokens that the server accepts. */
let accepted: readonly string[] = [];

beforeAll(async () => {
    authority = await testAuthority();
    const certificate = await authority.issue();
    server = await ScriptedServer.start(
        ({ authorization }) => (accepted.includes(authorization ?? "") ? OK : REJECTED),
        certificate,
    );
});
afterAll(() => server.stop());
beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "login-"));
    server.seen.length = 0;
});
afterEach(() => {
    rmSync(folder, { recursive: true });
});

/** A plugin that counts its runs, keeps its environment, and prints what the expression gives for its count. */
function plugin(status: string, options: { readonly code?: number; readonly stderr?: string } = {}) {
    const script = `
        const fs = require("node:fs");
        const count = fs.existsSync("${folder}/count") ? Number(fs.readFileSync("${folder}/count")) + 1 : 1;
        fs.writeFileSync("${folder}/count", String(count));
        fs.writeFileSync("${folder}/env", JSON.stringify(process.env));
        process.stderr.write(${JSON.stringify(options.stderr ?? "")});
        console.log(JSON.stringify({ apiVersion: "${API_VERSION}", kind: "ExecCredential", status: ${status} }));
        process.exitCode = ${options.code ?? 0};`;
    writeFileSync(join(folder, "plugin.js"), script);
    return { apiVersion: API_VERSION, command: process.execPath, args: [join(folder, "plugin.js")] };
}
const runs = () => Number(readFileSync(join(folder, "count"), "utf8"));

async function getTwice(user: Record<string, unknown>, cluster: object = {}, limits: Partial<ClientLimits> = {}) {
    const kubeconfig = kubeconfigText({ ...clusterEntry(server, authority.ca), ...cluster }, user);
    const client = await connectCluster({
        kubeconfig,
        limits: { ...limits, retry: { ...DEFAULT_LIMITS.retry, seconds: 0 } },
    });
    try {
        return [await client.get(MAPS, "ca"), await client.get(MAPS, "ca")];
    } finally {
        await client.close();
    }
}

test("basic", async () => {
    accepted = [`Basic ${Buffer.from("user:pass").toString("base64")}`];
    await expect(getTwice({ username: "user", password: "pass" })).resolves.toEqual([MAP, MAP]);
});

describe("a login plugin", () => {
    test("runs once, knows the cluster, and gets no secret of the stack", async () => {
        accepted = ["Bearer issued-1"];
        process.env["PULUMI_CONFIG"] = "secret";
        process.env["PULUMI_ACCESS_TOKEN"] = "secret";
        process.env["REGISTRY_PASSTHROUGH_PASSWORD"] = "secret";
        const exec = {
            ...plugin('{ token: "issued-" + count }'),
            provideClusterInfo: true,
            env: [{ name: "OWN", value: "1" }],
        };
        const extensions = [{ name: "client.authentication.k8s.io/exec", extension: { audience: "a" } }];
        await expect(getTwice({ exec }, { extensions })).resolves.toEqual([MAP, MAP]);
        expect(runs()).toBe(1);
        const env = JSON.parse(readFileSync(join(folder, "env"), "utf8")) as Record<string, string>;
        expect(Object.keys(env).filter((name) => /^(PULUMI_|REGISTRY_PASSTHROUGH_)/.test(name))).toEqual([]);
        expect(env["OWN"]).toBe("1");
        expect(JSON.parse(env["KUBERNETES_EXEC_INFO"] ?? "")).toEqual({
            ...{ apiVersion: API_VERSION, kind: "ExecCredential" },
            spec: {
                interactive: false,
                cluster: { ...clusterEntry(server, authority.ca), config: { audience: "a" } },
            },
        });
    });

    test("runs again when the server rejects what it issued, and when that has expired", async () => {
        accepted = ["Bearer issued-2"];
        await expect(getTwice({ exec: plugin('{ token: "issued-" + count }') })).resolves.toEqual([MAP, MAP]);
        expect(runs()).toBe(2);
        accepted = ["Bearer issued-3", "Bearer issued-4"];
        const expired = '{ token: "issued-" + count, expirationTimestamp: "2020-01-01T00:00:00Z" }';
        await expect(getTwice({ exec: plugin(expired) })).resolves.toEqual([MAP, MAP]);
        expect(runs()).toBe(4);
    });

    test("is run once more only, not for ever", async () => {
        accepted = [];
        await expect(getTwice({ exec: plugin('{ token: "issued-" + count }') })).rejects.toMatchObject({
            code: "CLUSTER_LOGIN_REJECTED",
        });
        expect(runs()).toBe(2);
    });

    test("whose private key an error quotes in part gives nothing away", async () => {
        const { certificate, key } = await authority.issue();
        const [, line = ""] = key.split("\n");
        const quoting = await ScriptedServer.start(
            () => failure(403, "Forbidden", `no right for ${line}`),
            await authority.issue(),
        );
        try {
            const exec = plugin(JSON.stringify({ clientCertificateData: certificate, clientKeyData: key }));
            await expect(getTwice({ exec }, clusterEntry(quoting, authority.ca))).rejects.toMatchObject({
                code: "CLUSTER_FORBIDDEN",
                problem: "no right for [secret]",
            });
        } finally {
            await quoting.stop();
        }
    });

    test.each<[string, () => { readonly apiVersion: string; readonly args?: readonly string[] }, RegExp]>([
        [
            "fails",
            () => plugin("{}", { code: 3, stderr: "no session for canary-secret\nlog in first" }),
            /ended with 3: no session for \[secret\] log in first/,
        ],
        ["does not exist", () => ({ apiVersion: API_VERSION, command: "/nowhere/login" }), /cannot be run: .*ENOENT/],
        ["issues nothing", () => plugin("{}"), /issued no token and no certificate/],
        ["issues half a certificate", () => plugin('{ clientKeyData: "x" }'), /issued half a client certificate/],
        [
            "prints something else",
            () => ({ apiVersion: API_VERSION, command: "/bin/echo", args: ["hello"] }),
            /did not print an ExecCredential/,
        ],
        [
            "prints another version",
            () => ({ ...plugin("{}"), apiVersion: "client.authentication.k8s.io/v1beta1" }),
            /of client.authentication.k8s.io\/v1beta1, which/,
        ],
        [
            "does not end",
            () => ({ apiVersion: API_VERSION, command: "/bin/sleep", args: ["100"] }),
            /gave no result within 0.3 s/,
        ],
    ])("that %s is an error of the login", async (_, exec, problem) => {
        accepted = [];
        const env = [{ name: "SESSION_TOKEN", value: "canary-secret" }];
        const { args = [], ...rest } = exec();
        const failed = getTwice(
            { exec: { env, args, ...rest } },
            {},
            args.includes("100") ? { loginTimeout: 300 } : {},
        );
        await expect(failed).rejects.toMatchObject({
            code: "CLUSTER_LOGIN_REJECTED",
            problem: expect.stringMatching(problem),
        });
        expect(server.seen).toEqual([]);
    });
});
