import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sendSingleRequest } from "../../lib/http/https-request";
import type { TestAuthority } from "./certificates";
import { end, listening } from "./processes";
import { freePort } from "./registry-process";

/** External accounts that it binds accounts to: key id and key. */
export const EXTERNAL = {
    keyId: "site-a",
    macKey: "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W",
} as const;

interface AcmeServerOptions {
    /** It wants every account to be bound to an external one. */
    readonly bindsAccounts?: boolean;
    /** It authorizes whoever asks, as with domains that were proven elsewhere. */
    readonly trustsAccounts?: boolean;
}

/**
 * A real ACME server (Pebble) with a DNS server and a web server of its own, which a program fills as a site's would. It
 * refuses many nonces, and has two roots.
 */
export class AcmeTestServer {
    private readonly folder = mkdtempSync(join(tmpdir(), "acme "));
    private children: ChildProcess[] = [];
    readonly directory: string;
    /** Program for `site.registry.certificate.acme.command`. */
    readonly program = join(this.folder, "answer");

    private constructor(
        /** PEM of the CA that issued the server's own certificate. */
        readonly ca: string,
        private readonly ports: Readonly<Record<"acme" | "roots" | "http" | "tls" | "dns" | "management", number>>,
    ) {
        this.directory = `https://localhost:${ports.acme}/dir`;
    }

    static async start(authority: TestAuthority, options: AcmeServerOptions = {}): Promise<AcmeTestServer> {
        const names = ["acme", "roots", "http", "tls", "dns", "management"] as const;
        const ports = await Promise.all(names.map(async (name) => [name, await freePort()] as const));
        const server = new AcmeTestServer(authority.ca, Object.fromEntries(ports) as never);
        await server.launch(await authority.issue(), options);
        return server;
    }

    /** PEM of a root that it issues from; 1: the second one, whose chains are alternates. */
    async root(number: 0 | 1): Promise<string> {
        const url = new URL(`https://localhost:${this.ports.roots}/roots/${number}`);
        const cas = { ca: this.ca, trust: "instead" } as const;
        const { signal } = new AbortController();
        return (await sendSingleRequest({ method: "GET", url, cas, signal })).text;
    }

    /** What the program was called with, a line each: step and place. */
    calls(): string[] {
        const log = join(this.folder, "calls");
        return existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : [];
    }

    async stop(): Promise<void> {
        await Promise.all(this.children.map((child) => end(child)));
        rmSync(this.folder, { recursive: true, force: true });
    }

    private async launch(tls: { certificate: string; key: string }, options: AcmeServerOptions): Promise<void> {
        const { acme, roots, http, tls: tlsPort, dns, management } = this.ports;
        const file = (name: string, text: string) => {
            writeFileSync(join(this.folder, name), text, { mode: 0o600 });
            return join(this.folder, name);
        };
        const config = {
            listenAddress: `127.0.0.1:${acme}`,
            managementListenAddress: `127.0.0.1:${roots}`,
            certificate: file("tls.crt", tls.certificate),
            privateKey: file("tls.key", tls.key),
            ...{ httpPort: http, tlsPort, keyAlgorithm: "ecdsa", domainBlocklist: ["blocked.example"] },
            externalAccountBindingRequired: options.bindsAccounts === true,
            externalAccountMACKeys: { [EXTERNAL.keyId]: EXTERNAL.macKey },
            profiles: { default: { description: "90 days", validityPeriod: 90 * 24 * 3600 } },
        };
        const configFile = file("pebble.json", JSON.stringify({ pebble: config }));
        const env = {
            ...process.env,
            ...{
                PEBBLE_VA_NOSLEEP: "1",
                PEBBLE_WFE_NONCEREJECT: "30",
                PEBBLE_ALTERNATE_ROOTS: "1",
            },
            ...(options.trustsAccounts === true ? { PEBBLE_VA_ALWAYS_VALID: "1" } : {}),
        };
        const answers = ["-management", `127.0.0.1:${management}`, "-http01", `127.0.0.1:${http}`];
        const none = ["-https01", "", "-tlsalpn01", "", "-doh", "", "-defaultIPv6", ""];
        this.run("pebble-challtestsrv", [...answers, "-dnsserver", `127.0.0.1:${dns}`, ...none], process.env);
        this.run("pebble", ["-strict", "-config", configFile, "-dnsserver", `127.0.0.1:${dns}`], env);
        for (const [index, port] of [management, acme].entries())
            await listening(this.children[index] as ChildProcess, port, () => "");
        this.writeProgram(management);
    }

    private run(program: string, args: readonly string[], env: NodeJS.ProcessEnv): void {
        this.children.push(spawn(program, args, { env, stdio: ["ignore", "ignore", "ignore"] }));
    }

    /** Puts answers where the server looks, through the API of its DNS and web server. */
    private writeProgram(port: number): void {
        const text = `#!/usr/bin/env node
const [step, place, value] = process.argv.slice(2);
require("node:fs").appendFileSync(${JSON.stringify(join(this.folder, "calls"))}, step + " " + place + "\\n");
const isWeb = place.startsWith("http://");
const token = place.split("/").at(-1);
const [path, body] = isWeb
    ? step === "present" ? ["add-http01", { token, content: value }] : ["del-http01", { token }]
    : step === "present" ? ["set-txt", { host: place, value }] : ["clear-txt", { host: place }];
fetch("http://127.0.0.1:${port}/" + path, { method: "POST", body: JSON.stringify(body) }).then(({ ok }) => {
    process.exitCode = ok ? 0 : 1;
});
`;
        writeFileSync(this.program, text);
        chmodSync(this.program, 0o755);
    }
}
