import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type Server, createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testAuthority } from "../../support/certificates";
import { RecordingServer } from "../../support/recording-server";
import { PROJECT } from "../../support/stack";
import { UNVERIFIED } from "../../support/unverified-process";
import { inModule } from "./script-module";

let folder: string;

beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "tools tls "));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

test.each([["pulumi.mjs", "stack"], ["passthrough.mjs", "plan"], ["test.mjs", "--version"], ["quickstart.mjs"]])(
    "%s stops if the environment switches TLS verification off, or has secrets printed",
    (script, ...args) => {
        const fix = "unset it, and give the registry's CA as a PEM file in site.registry.ca";
        const all: [NodeJS.ProcessEnv, string][] = [
            [
                UNVERIFIED,
                `TLS: NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment switches TLS verification off; ${fix}`,
            ],
            [{ PULUMI_OPTION_SHOW_SECRETS: "true" }, "ENVIRONMENT_UNSAFE: PULUMI_OPTION_SHOW_SECRETS prints secrets; "],
        ];
        for (const [variables, problem] of all) {
            const env = { ...process.env, ...variables };
            const run = spawnSync(process.execPath, [join(PROJECT, "tools", script), ...args], {
                env,
                encoding: "utf8",
            });
            expect(run.status).toBe(1);
            expect(run.stderr).toContain(`\n${problem}`);
            expect(run.stdout).not.toContain("https://localhost");
        }
    },
);

test("help is printed all the same: it connects to nothing", () => {
    const env = { ...process.env, ...UNVERIFIED };
    for (const args of [["--help"], ["help", "plan"], ["plan", "--help"]]) {
        for (const script of ["tools/passthrough.mjs", "dist/cli/main.js"]) {
            const { status, stdout } = spawnSync(process.execPath, [join(PROJECT, script), ...args], {
                env,
                encoding: "utf8",
            });
            expect({ script, args, status }).toEqual({ script, args, status: 0 });
            expect(stdout).toMatch(/^Usage: npm run -s passthrough -- /);
        }
    }
});

test("other values of the variable, which have no effect in Node.js, are accepted", () => {
    for (const value of ["", "1", "false"]) {
        const env = { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: value };
        const script = join(PROJECT, "tools", "test.mjs");
        expect([value, spawnSync(process.execPath, [script, "--version"], { env }).status]).toEqual([value, 0]);
    }
});

/** A proxy with CONNECT. */
async function startProxy(): Promise<Server> {
    const proxy = createServer().listen(0, "127.0.0.1");
    proxy.on("connect", (request, socket) => {
        const target = connect(Number(request.url?.split(":")[1]), "127.0.0.1", () => {
            socket.write("HTTP/1.1 200 OK\r\n\r\n");
            target.pipe(socket).pipe(target);
        });
        target.on("error", () => socket.destroy());
        socket.on("error", () => target.destroy());
    });
    await once(proxy, "listening");
    return proxy;
}

test.each([false, true])(
    "a download sends nothing to a server of an unknown CA; through a proxy: %s",
    async (proxied) => {
        const stranger = await RecordingServer.start(await (await testAuthority()).issue());
        const proxy = await startProxy();
        const proxyUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
        const input = { url: `https://${stranger.host}/tool.tar.gz`, file: join(folder, "tool.tar.gz") };
        const env = {
            ...UNVERIFIED,
            HTTPS_PROXY: proxied ? proxyUrl : "",
            https_proxy: "",
            NO_PROXY: "",
            no_proxy: "",
        };
        try {
            const { error } = await inModule(
                "download.mjs",
                "return m.download(input.url, input.file, '');",
                input,
                env,
            );
            expect(error).toContain("unable to verify the first certificate");
            expect(stranger.received).toBe("");
            expect(existsSync(input.file)).toBe(false);
        } finally {
            proxy.closeAllConnections();
            proxy.close();
            await stranger.stop();
        }
    },
);

/** Another server on the registry's port: records what it receives, and exits after its first connection. */
const STAND_IN = `#!${process.execPath}
const { appendFileSync, readFileSync } = require("node:fs");
const { http } = JSON.parse(readFileSync(process.argv[3], "utf8"));
const file = (name) => __dirname + "/" + name;
appendFileSync(file("received"), "");
const server = require("node:tls").createServer({ cert: readFileSync(file("crt")), key: readFileSync(file("key")) });
server.on("tlsClientError", () => process.exit());
server.on("secureConnection", (socket) => {
    socket.on("data", (chunk) => {
        appendFileSync(file("received"), chunk);
        process.exit();
    });
    socket.on("error", () => process.exit());
    socket.on("close", () => process.exit());
});
server.listen(Number(http.addr.split(":")[1]), "127.0.0.1");
`;

test("the account of the quickstart's registry is not sent to a server with another CA", async () => {
    const executable = join(folder, "registry");
    const { certificate, key } = await (await testAuthority("Another CA")).issue();
    writeFileSync(join(folder, "crt"), certificate);
    writeFileSync(join(folder, "key"), key);
    writeFileSync(executable, STAND_IN);
    chmodSync(executable, 0o755);
    const input = { dir: join(folder, "stack"), executable };
    const { error } = await inModule("registry.mjs", "return m.startRegistry(input);", input, UNVERIFIED);
    expect(error).toContain("did not start: it exited");
    expect(readFileSync(join(folder, "received"), "utf8")).toBe("");
});
