import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { request as plainRequest } from "node:http";
import { request as secureRequest } from "node:https";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { compareSync, hashSync } from "bcryptjs";
import { keepCertificates } from "./certificates.mjs";
import { openToolbox, runMain } from "./prepare.mjs";
import { createProgress } from "./progress.mjs";
import { anyPort, endProcess, freePort, readText, runningPid, until } from "./registry-process.mjs";
import { keptSecret, privateDirectory, workspace, writePrivate } from "./workspace.mjs";

const readyMilliseconds = 30_000;

/**
 * @typedef {object} RegistryOptions
 * @property {string} dir folder for everything of this registry: storage, certificates, account, log, pid
 * @property {string} executable the `registry` program
 * @property {number} [port] default: a free one that is kept in the folder
 * @property {boolean} [tls] default true: a CA of its own, a certificate for localhost, 127.0.0.1 and ::1
 * @property {boolean} [auth] default true: one account with a random password
 *
 * @typedef {object} RunningRegistry
 * @property {string} host `localhost:<port>`
 * @property {number} port
 * @property {number} pid
 * @property {boolean} started false: it ran already
 * @property {string} [ca] path of the CA's certificate, PEM
 * @property {string} [username]
 * @property {string} [password]
 * @property {string} log path of its log, accesses included, since its last start
 *
 * @typedef {RunningRegistry & {ca: string, username: string, password: string}} SecureRegistry one with TLS and an account
 */

/** @typedef {ReturnType<typeof filesIn>} RegistryFiles */

const filesIn = (/** @type {string} */ dir) => ({
    config: join(dir, "registry.yml"),
    pid: join(dir, "registry.pid"),
    log: join(dir, "registry.log"),
    port: join(dir, "port"),
    storage: join(dir, "registry"),
    secret: join(dir, "registry-secret"),
    password: join(dir, "registry-password"),
    htpasswd: join(dir, "htpasswd"),
});

/**
 * Starts a registry on loopback, or finds it running, and returns when it answers. It outlives this process.
 *
 * @overload
 * @param {RegistryOptions & {tls?: true, auth?: true}} options
 * @returns {Promise<SecureRegistry>}
 * @throws {Error} if its port is taken, or if it does not come up (with the end of its log)
 *
 * @overload
 * @param {RegistryOptions} options
 * @returns {Promise<RunningRegistry>}
 *
 * @param {RegistryOptions} options
 * @returns {Promise<RunningRegistry>}
 */
export async function startRegistry({ dir: folder, executable, port: wanted, tls = true, auth = true }) {
    const dir = resolve(folder);
    privateDirectory(dir);
    const files = filesIn(dir);
    const certificates = tls ? await keepCertificates(dir) : undefined;
    const account = auth ? keepAccount(files) : undefined;
    const port = await keepPort(files, wanted);
    const changed = writeConfig(files, { port, certificates, auth });
    let pid = runningPid(files.pid, files.config);
    // A registry reads its files at its start only.
    if (pid !== undefined && (changed || certificates?.renewed || account?.renewed)) {
        await endProcess(files.pid, files.config);
        pid = undefined;
    }
    const started = pid === undefined;
    pid ??= await launch(executable, files, port, dir);
    const trust = certificates && { ca: certificates.ca };
    const registry = { host: `localhost:${port}`, port, pid, started, log: files.log, ...trust, ...account?.login };
    await waitUntilReady(registry, files);
    return registry;
}

/**
 * @param {string} dir
 * @returns {Promise<boolean>} whether a registry of this folder ran
 */
export async function stopRegistry(dir) {
    const files = filesIn(resolve(dir));
    return endProcess(files.pid, files.config);
}

/** @param {string} dir @returns {{pid: number | undefined, port: number | undefined}} the pid if it runs, the port if it ever ran */
export function registryStatus(dir) {
    const files = filesIn(resolve(dir));
    const port = Number(readText(files.port)) || undefined;
    return { pid: runningPid(files.pid, files.config), port };
}

/** @param {RegistryFiles} files */
function keepAccount(files) {
    const login = { username: "passthrough", password: keptSecret(files.password) };
    const [username, hash = ""] = readText(files.htpasswd).trim().split(":");
    if (username === login.username && compareSync(login.password, hash)) return { login, renewed: false };
    // The registry hashes at every request; 192 random bits need no slow hash.
    writePrivate(files.htpasswd, `${login.username}:${hashSync(login.password, 4)}\n`);
    return { login, renewed: true };
}

/** @param {RegistryFiles} files @param {number | undefined} wanted @returns {Promise<number>} */
async function keepPort(files, wanted) {
    const port = wanted ?? (Number(readText(files.port)) || (await anyPort()));
    if (readText(files.port).trim() !== String(port)) writePrivate(files.port, `${port}\n`);
    return port;
}

/**
 * JSON is YAML.
 *
 * @param {RegistryFiles} files
 * @param {{port: number, certificates: import("./certificates.mjs").TlsFiles | undefined, auth: boolean}} settings
 * @returns {boolean} whether it is another one than before
 */
function writeConfig(files, { port, certificates, auth }) {
    const config = {
        version: "0.1",
        log: { level: "warn", accesslog: { disabled: false } },
        storage: { filesystem: { rootdirectory: files.storage }, delete: { enabled: true } },
        http: {
            addr: `127.0.0.1:${port}`,
            secret: keptSecret(files.secret),
            ...(certificates && { tls: { certificate: certificates.certificate, key: certificates.key } }),
        },
        ...(auth && { auth: { htpasswd: { realm: "registry-passthrough", path: files.htpasswd } } }),
    };
    const text = `${JSON.stringify(config, undefined, 4)}\n`;
    if (readText(files.config) === text) return false;
    writePrivate(files.config, text);
    return true;
}

/**
 * @param {string} executable
 * @param {RegistryFiles} files
 * @param {number} port
 * @param {string} dir for messages
 * @returns {Promise<number>} its pid
 */
async function launch(executable, files, port, dir) {
    // A process of many threads is seen as ended a moment before the last of them gives the port back.
    const isFree = async () => (await freePort(port)) !== undefined;
    if (!(await until(isFree, 2_000))) throw new Error(portTaken(port, files.port, dir));
    mkdirSync(files.storage, { recursive: true, mode: 0o700 });
    const log = openSync(files.log, "w", 0o600);
    const child = spawn(executable, ["serve", files.config], {
        detached: true,
        stdio: ["ignore", log, log],
        env: cleanEnvironment(),
    });
    closeSync(log);
    await once(child, "spawn");
    const pid = /** @type {number} */ (child.pid);
    writePrivate(files.pid, `${pid}\n`);
    child.unref();
    return pid;
}

/** @param {number} port @param {string} portFile @param {string} dir @returns {string} */
function portTaken(port, portFile, dir) {
    return (
        `port ${port}, which the registry of ${dir} has had since its first start, is taken by another process.\n` +
        `  See which: ss -ltnp 'sport = :${port}'   Then stop that one and run this again.\n` +
        `  Or choose another port: rm ${JSON.stringify(portFile)}   All mirror references change with it.`
    );
}

/** The registry reads every REGISTRY_… variable as a setting, and sends traces unless they are switched off. */
function cleanEnvironment() {
    const rest = Object.entries(process.env).filter(([name]) => !/^(REGISTRY_|OTEL_)/.test(name));
    return { ...Object.fromEntries(rest), OTEL_TRACES_EXPORTER: "none" };
}

/** @param {RunningRegistry} registry @param {RegistryFiles} files */
async function waitUntilReady(registry, files) {
    let problem = "it did not answer";
    let ended = false;
    const ready = await until(async () => {
        if (runningPid(files.pid, files.config) === undefined) return (ended = true);
        const answer = await ask(registry);
        problem = answer.problem ?? problem;
        return answer.problem === undefined;
    }, readyMilliseconds);
    if (ready && !ended) return;
    const log = readText(files.log).trim().split("\n").slice(-10).join("\n    ");
    throw new Error(`the registry at ${registry.host} did not start: ${ended ? "it exited" : problem}\n    ${log}`);
}

/**
 * GET /v2/ with the CA and the account: what a client will do.
 *
 * @param {RunningRegistry} registry
 * @returns {Promise<{problem?: string}>}
 */
function ask({ port, ca, username, password }) {
    return new Promise((answered) => {
        const options = { host: "127.0.0.1", port, path: "/v2/", agent: false, timeout: 5_000 };
        const login = username === undefined ? {} : { auth: `${username}:${password}` };
        const trust =
            ca === undefined ? {} : { ca: readFileSync(ca), servername: "localhost", rejectUnauthorized: true };
        const request = (ca === undefined ? plainRequest : secureRequest)(
            { ...options, ...login, ...trust },
            (response) => {
                response.resume();
                const { statusCode } = response;
                answered(statusCode === 200 ? {} : { problem: `GET /v2/ answered ${statusCode}` });
            },
        );
        request.on("timeout", () => request.destroy(new Error("no answer within 5 s")));
        request.on("error", (error) => answered({ problem: error.message }));
        request.end();
    });
}

const usage = `usage: node tools/registry.mjs start|stop|status --dir FOLDER [--port N] [--no-tls] [--no-auth]
Prints JSON. start: host, port, pid, started, ca, username, passwordFile, log. The registry outlives this command.`;

async function main() {
    const { values, positionals } = parseArgs({
        allowPositionals: true,
        options: {
            dir: { type: "string" },
            port: { type: "string" },
            "no-tls": { type: "boolean", default: false },
            "no-auth": { type: "boolean", default: false },
            help: { type: "boolean", default: false },
        },
    });
    if (values.help) {
        process.stdout.write(`${usage}\n`);
        return 0;
    }
    const [verb = ""] = positionals;
    const { dir, ...options } = values;
    const action = Object.entries({ start, stop, status }).find(([name]) => name === verb)?.[1];
    if (dir === undefined || action === undefined) throw new Error(usage);
    const result = await action({ dir, ...options });
    process.stdout.write(`${JSON.stringify(result, undefined, 4)}\n`);
    return 0;
}

/** @param {{dir: string, port?: string, "no-tls": boolean, "no-auth": boolean}} options */
async function start({ dir, port, "no-tls": noTls, "no-auth": noAuth }) {
    const { tools } = await openToolbox(workspace(), createProgress(), ["registry"]);
    const options = { dir, executable: tools.registry.file, tls: !noTls, auth: !noAuth };
    const registry = await startRegistry(port === undefined ? options : { ...options, port: Number(port) });
    // The password stays off the screen and out of logs.
    const { password: _, ...shown } = registry;
    return noAuth ? shown : { ...shown, passwordFile: filesIn(resolve(dir)).password };
}

/** @param {{dir: string}} options */
async function stop({ dir }) {
    return { stopped: await stopRegistry(dir) };
}

/** @param {{dir: string}} options */
async function status({ dir }) {
    return existsSync(dir) ? registryStatus(dir) : {};
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runMain(main);
