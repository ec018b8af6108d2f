import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { errorMessage } from "../errors/errors";
import { lastWords, oneLine, parseJson } from "../errors/text";
import type { ClientCertificate } from "../http/secure-context";
import { foreignEnvironment } from "../redaction/environment";
import type { Kubeconfig } from "./kubeconfig";
import { type Fields, isFields, mappingField, textField } from "./kubeconfig-document";
import type { ExecPlugin } from "./kubeconfig-exec";

/** What a plugin issued. */
export interface ExecCredential {
    readonly token?: string;
    readonly clientCertificate?: ClientCertificate;
    /** Milliseconds since 1970; absent: until the server rejects it. */
    readonly expires?: number;
}

const MAX_OUTPUT = 1024 * 1024;
/** Of what a plugin writes to stderr: the last lines say why it failed. */
const MAX_SHOWN = 600;

/**
 * Runs a login plugin as kubectl does (kubernetes.io/docs/reference/config-api/client-authentication.v1), without a terminal.
 * @param timeout milliseconds
 * @throws Error with why it issued nothing; the signal's reason
 */
export async function runExecPlugin(
    plugin: ExecPlugin,
    kubeconfig: Kubeconfig,
    timeout: number,
    signal: AbortSignal | undefined,
): Promise<ExecCredential> {
    const { code, stdout, stderr } = await run(plugin, kubeconfig, timeout, signal);
    signal?.throwIfAborted();
    const name = `the login plugin ${plugin.command}`;
    if (code === "timeout") throw new Error(`${name} gave no result within ${timeout / 1000} s`);
    if (code !== 0) {
        const shown = oneLine(lastWords(stderr.trim(), MAX_SHOWN));
        throw new Error(`${name} ended with ${code}${shown === "" ? "" : `: ${shown}`}`);
    }
    const credential = parseJson(stdout);
    if (!isFields(credential) || credential["kind"] !== "ExecCredential") {
        throw new Error(`${name} did not print an ExecCredential`);
    }
    if (credential["apiVersion"] !== plugin.apiVersion) {
        throw new Error(`${name} did not print an ExecCredential of ${plugin.apiVersion}, which the kubeconfig names`);
    }
    return readStatus(mappingField(credential, "status") ?? {}, name);
}

function readStatus(status: Fields, name: string): ExecCredential {
    const token = textField(status, "token");
    const [certificate, key] = ["clientCertificateData", "clientKeyData"].map((field) => textField(status, field));
    const expires = Date.parse(textField(status, "expirationTimestamp") ?? "");
    if ((certificate === undefined) !== (key === undefined))
        throw new Error(`${name} issued half a client certificate`);
    if (token === undefined && certificate === undefined) throw new Error(`${name} issued no token and no certificate`);
    return {
        ...(token === undefined ? {} : { token }),
        ...(certificate === undefined || key === undefined ? {} : { clientCertificate: { certificate, key } }),
        ...(Number.isNaN(expires) ? {} : { expires }),
    };
}

interface Ended {
    /** Exit code, the signal, or "timeout". */
    readonly code: number | string;
    readonly stdout: string;
    readonly stderr: string;
}

function run(
    plugin: ExecPlugin,
    kubeconfig: Kubeconfig,
    timeout: number,
    signal: AbortSignal | undefined,
): Promise<Ended> {
    return new Promise((resolve, reject) => {
        const child = spawn(plugin.command, [...plugin.args], {
            env: pluginEnvironment(plugin, kubeconfig),
            stdio: ["ignore", "pipe", "pipe"],
            ...(signal && { signal }),
        });
        let isLate = false;
        const timer = setTimeout(() => {
            isLate = true;
            child.kill("SIGKILL");
            // A process that the plugin started may keep them open.
            for (const output of [child.stdout, child.stderr]) output.destroy();
        }, timeout);
        const output = collect(child);
        child.once("error", (error) => {
            clearTimeout(timer);
            reject(new Error(`the login plugin ${plugin.command} cannot be run: ${errorMessage(error)}`));
        });
        child.once("close", (code, killedBy) => {
            clearTimeout(timer);
            resolve({ code: isLate ? "timeout" : (code ?? killedBy ?? 1), ...output() });
        });
    });
}

function collect(child: ChildProcessByStdio<null, Readable, Readable>): () => { stdout: string; stderr: string } {
    const texts = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
        child[name].setEncoding("utf8");
        child[name].on("data", (chunk: string) => {
            texts[name] += chunk;
            if (texts[name].length > MAX_OUTPUT) child.kill("SIGKILL");
        });
    }
    return () => texts;
}

function pluginEnvironment(plugin: ExecPlugin, kubeconfig: Kubeconfig): NodeJS.ProcessEnv {
    return {
        ...foreignEnvironment(),
        ...plugin.env,
        KUBERNETES_EXEC_INFO: JSON.stringify(execInfo(plugin, kubeconfig)),
    };
}

function execInfo({ apiVersion, provideClusterInfo }: ExecPlugin, { server, ca, ...endpoint }: Kubeconfig): object {
    const cluster = {
        server,
        ...(ca === undefined ? {} : { "certificate-authority-data": Buffer.from(ca).toString("base64") }),
        ...(endpoint.tlsServerName === undefined ? {} : { "tls-server-name": endpoint.tlsServerName }),
        ...(endpoint.proxyUrl === undefined ? {} : { "proxy-url": endpoint.proxyUrl }),
        ...(endpoint.execConfig === undefined ? {} : { config: endpoint.execConfig }),
    };
    return { apiVersion, kind: "ExecCredential", spec: { interactive: false, ...(provideClusterInfo && { cluster }) } };
}
