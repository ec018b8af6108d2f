import { spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inModule } from "./script-module";

/** Stands for the registry: TLS and the port of its config, 200 for whoever has an account. */
const STAND_IN = `#!${process.execPath}
const { readFileSync } = require("node:fs");
const { http } = JSON.parse(readFileSync(process.argv[3], "utf8"));
if (process.env.REGISTRY_LOG_LEVEL) throw new Error("foreign setting");
const tls = { cert: readFileSync(http.tls.certificate), key: readFileSync(http.tls.key) };
require("node:https").createServer(tls, (request, response) => {
    response.statusCode = request.headers.authorization ? 200 : 401;
    response.end();
}).listen(Number(http.addr.split(":")[1]), "127.0.0.1");
`;

interface Registry {
    readonly port: number;
    readonly pid: number;
    readonly started: boolean;
    readonly ca: string;
    readonly password: string;
}

let folder: string;
let dir: string;
let executable: string;

beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "registry tool "));
    dir = join(folder, "stack");
    executable = join(folder, "registry");
    writeFileSync(executable, STAND_IN);
    chmodSync(executable, 0o755);
});

afterEach(async () => {
    await stop();
    rmSync(folder, { recursive: true, force: true });
});

const attempt = () =>
    inModule("registry.mjs", "return m.startRegistry(input);", { dir, executable }, { REGISTRY_LOG_LEVEL: "debug" });

async function start(): Promise<Registry> {
    const { value, error } = await attempt();
    expect(error).toBeUndefined();
    return value as Registry;
}

async function stop(): Promise<unknown> {
    return (await inModule("registry.mjs", "return m.stopRegistry(input);", dir)).value;
}

function alive(pid: number): boolean {
    return existsSync(`/proc/${pid}/cmdline`) && readFileSync(`/proc/${pid}/cmdline`, "utf8") !== "";
}

test("a registry that runs is found again, and keeps port, CA and password over a restart", async () => {
    const first = await start();
    expect(first.started).toBe(true);
    expect(await start()).toEqual({ ...first, started: false });
    const ca = readFileSync(first.ca, "utf8");
    expect(await stop()).toBe(true);
    expect(alive(first.pid)).toBe(false);
    expect(await stop()).toBe(false);
    const again = await start();
    expect(again).toMatchObject({ started: true, port: first.port, password: first.password });
    expect(readFileSync(again.ca, "utf8")).toBe(ca);
});

test("its files are for their owner only", async () => {
    await start();
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    for (const file of [
        "ca.key",
        "server.key",
        "htpasswd",
        "registry-password",
        "registry.yml",
        "registry.log",
        "port",
    ]) {
        expect([file, statSync(join(dir, file)).mode & 0o777]).toEqual([file, 0o600]);
    }
});

test("the certificate is for localhost and both loopback addresses, from the CA beside it", async () => {
    const { ca } = await start();
    const authority = new X509Certificate(readFileSync(ca));
    const server = new X509Certificate(readFileSync(join(dir, "server.crt")));
    expect(server.verify(authority.publicKey)).toBe(true);
    expect(authority.ca).toBe(true);
    expect(server.checkHost("localhost")).toBe("localhost");
    expect([server.checkIP("127.0.0.1"), server.checkIP("::1")]).toEqual(["127.0.0.1", "::1"]);
});

test("a server certificate of another CA is renewed, and the registry started again with it", async () => {
    const first = await start();
    rmSync(join(dir, "ca.key"));
    const second = await start();
    expect(second).toMatchObject({ started: true, port: first.port });
    expect(second.pid).not.toBe(first.pid);
    expect(alive(first.pid)).toBe(false);
});

test("a port that somebody else has taken stops the start, and the error says how to go on", async () => {
    const { port } = await start();
    await stop();
    const other = createServer().listen(port, "127.0.0.1");
    await once(other, "listening");
    const { error } = await attempt();
    await new Promise((resolve) => other.close(resolve));
    expect(error).toContain(`port ${port}`);
    expect(error).toContain("is taken by another process");
    expect(error).toContain(join(dir, "port"));
});

test("a pid file that points at somebody else's process ends nobody", async () => {
    await start();
    await stop();
    const other = spawn("sleep", ["60"]);
    await once(other, "spawn");
    writeFileSync(join(dir, "registry.pid"), `${other.pid}\n`);
    expect(await stop()).toBe(false);
    expect(alive(other.pid ?? 0)).toBe(true);
    other.kill();
    await once(other, "exit");
});

test("a registry that ends at its start is told with the end of its log", async () => {
    writeFileSync(executable, `#!/bin/sh\necho 'configuration error: no such driver' >&2\nexit 1\n`);
    const { error } = await attempt();
    expect(error).toContain("did not start: it exited");
    expect(error).toContain("no such driver");
});
