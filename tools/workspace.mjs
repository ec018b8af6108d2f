import { randomBytes } from "node:crypto";
import {
    chmodSync,
    existsSync,
    mkdirSync,
    readFileSync,
    readlinkSync,
    realpathSync,
    renameSync,
    symlinkSync,
    writeFileSync,
} from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import checkout from "./checkout.cjs";

/** The project's root folder, absolute. */
export const projectRoot = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * How V8 sizes the heap of whatever runs our code: MiB of the young generation, and by how many percent the old one may
 * grow beyond what is in use (docs/architecture.md, "Code is loaded when it is used").
 */
export const heapFlags = ["--max-semi-space-size=4", "--heap-growing-percent=50"];

/** The stack of the quickstart, and of every command that names none. */
export const defaultStack = "dev";

/**
 * Where everything lies that is made at run time. All of it is below the git-ignored `.local/`.
 *
 * @typedef {object} Workspace
 * @property {string} root the project
 * @property {string} local `.local/`
 * @property {string} tools cache of downloaded and built tools
 * @property {string} state Pulumi's file backend
 * @property {string} pulumiHome Pulumi's own folder, apart from the user's `~/.pulumi`
 * @property {string} bin links to programs; those to a `node` are in a folder per version
 *
 * @param {string} [root]
 * @param {NodeJS.ProcessEnv} [env] `REGISTRY_PASSTHROUGH_TOOLS_DIR` puts the tools cache elsewhere (CI caches)
 * @returns {Workspace}
 */
export function workspace(root = projectRoot, env = process.env) {
    const local = localFolder(root);
    return {
        root,
        local,
        tools: resolve(root, env.REGISTRY_PASSTHROUGH_TOOLS_DIR || join(local, "tools")),
        state: join(local, "state"),
        pulumiHome: join(local, "pulumi-home"),
        bin: join(local, "bin"),
    };
}

/**
 * An installed kit has a link here, to a folder that its versions share: paths in it must not name a version.
 *
 * @param {string} root
 */
function localFolder(root) {
    const folder = join(root, ".local");
    return existsSync(folder) ? realpathSync(folder) : folder;
}

/**
 * The files of one stack.
 *
 * @typedef {object} StackFiles
 * @property {string} dir `.local/<stack>/`, mode 0700; the quickstart's registry has its files here too
 * @property {string} project a minimal Pulumi.yaml, so that `stack init` writes here and not beside tracked files
 * @property {string} config what Pulumi reads: the tracked config plus what was made at run time
 * @property {string} origins where its keys came from: the names of the tracked ones, the values made at run time
 * @property {string} tracked `Pulumi.<stack>.yaml`, written by people, never by a run
 * @property {string} passphrase encrypts the secrets in config and state
 *
 * @param {Workspace} place
 * @param {string} stack
 * @returns {StackFiles}
 */
export function stackFiles(place, stack) {
    if (!/^[\w-][\w.-]*$/.test(stack)) {
        throw new Error(`${JSON.stringify(stack)} cannot be a stack's name: use letters, digits, "-", "_" and "."`);
    }
    if (["state", "tools", "bin", "pulumi-home"].includes(stack)) {
        throw new Error(
            `a stack cannot be called ${stack}: .local/${stack}/ holds something else; give it another name`,
        );
    }
    const dir = join(place.local, stack);
    return {
        dir,
        project: join(dir, "Pulumi.yaml"),
        config: join(dir, `Pulumi.${stack}.yaml`),
        origins: join(dir, "config-origins.json"),
        tracked: join(place.root, `Pulumi.${stack}.yaml`),
        passphrase: join(dir, "passphrase"),
    };
}

/** @param {string} dir created if absent; readable by its owner only */
export function privateDirectory(dir) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    chmodSync(dir, 0o700);
}

/**
 * Writes a file that only its owner can read, at once: readers see the old text or the new one.
 *
 * @param {string} file
 * @param {string} text
 */
export function writePrivate(file, text) {
    const partial = `${file}.${process.pid}.partial`;
    writeFileSync(partial, text, { mode: 0o600 });
    chmodSync(partial, 0o600);
    renameSync(partial, file);
}

/**
 * A random secret that is made once and then kept.
 *
 * @param {string} file its folder must exist
 * @returns {string} 192 random bits, base64url
 */
export function keptSecret(file) {
    if (!existsSync(file)) writePrivate(file, `${randomBytes(24).toString("base64url")}\n`);
    return readFileSync(file, "utf8").trim();
}

/** The engine sets them for its plugins; set before it, its log would go to that address, without TLS. */
const engineVariables = new Set(["PULUMI_LOG_OTLP_ENDPOINT", "PULUMI_OTEL_EXPORTER_OTLP_ENDPOINT"]);

/**
 * The environment in which Pulumi, its program and its providers run, of a script that has prepared the checkout (prepare.mjs).
 * What the user has set stays, except for what is the engine's own.
 *
 * @param {Workspace} place
 * @param {string} stack
 * @param {string[]} toolDirectories folders of the tools to find first
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {NodeJS.ProcessEnv}
 */
export function pulumiEnvironment(place, stack, toolDirectories, env = process.env) {
    privateDirectory(place.local);
    privateDirectory(place.state);
    const own = Object.entries(env).filter(([name]) => !engineVariables.has(name));
    return {
        PULUMI_BACKEND_URL: pathToFileURL(place.state).href,
        PULUMI_HOME: place.pulumiHome,
        ...passphrase(stackFiles(place, stack).passphrase, env),
        // Half of what a program or provider takes to start is compiling; read by Node.js 22.1 and later.
        NODE_COMPILE_CACHE: join(place.local, "compile-cache"),
        ...(process.stdout.isTTY ? { REGISTRY_PASSTHROUGH_PROGRESS: "row" } : {}),
        ...Object.fromEntries(own),
        ...checkout.comparedSources(place.root),
        PULUMI_STACK: stack,
        PULUMI_SKIP_UPDATE_CHECK: "true",
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
        // The pinned language host loads ts-node even for a compiled program; a type check there would only cost time.
        PULUMI_NODEJS_TRANSPILE_ONLY: "true",
        no_grpc_proxy: loopbackExceptions(env),
        PATH: searchPath(place, toolDirectories, env),
    };
}

/**
 * Engine, program and providers talk gRPC over loopback. Its library for Node.js would send that through the proxy of
 * `https_proxy`, `http_proxy` or `grpc_proxy` (lower case), which cannot reach this machine's loopback.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {string} hosts without proxy for gRPC: those that are set, and loopback
 */
function loopbackExceptions(env) {
    const hosts = (env.no_grpc_proxy || env.no_proxy || "").split(",").filter((host) => host !== "");
    return [...new Set([...hosts, "127.0.0.1", "localhost", "::1"])].join(",");
}

/** @param {string} file @param {NodeJS.ProcessEnv} env @returns {NodeJS.ProcessEnv} */
function passphrase(file, env) {
    const own = env.PULUMI_CONFIG_PASSPHRASE !== undefined || env.PULUMI_CONFIG_PASSPHRASE_FILE !== undefined;
    return own || !existsSync(file) ? {} : { PULUMI_CONFIG_PASSPHRASE_FILE: file };
}

/** @param {Workspace} place @param {string[]} toolDirectories @param {NodeJS.ProcessEnv} env @returns {string} */
function searchPath(place, toolDirectories, env) {
    // The npm package brings pulumi-resource-pulumi-nodejs, the plugin that runs dynamic providers, in its own folder.
    const sdk = join(place.root, "node_modules", "@pulumi", "pulumi");
    const first = [...new Set([engineNode(place), place.bin, ...toolDirectories, sdk])];
    const rest = (env.PATH ?? "").split(delimiter).filter((folder) => folder !== "" && !first.includes(folder));
    return [...first, ...rest].join(delimiter);
}

/**
 * A folder for PATH that holds one `node` and nothing else: its own folder may be /usr/bin, with older tools in it. One
 * per version, because commands of different versions may run at the same time.
 *
 * @param {Workspace} place
 * @param {string} file the program
 * @param {string} version
 * @returns {string}
 */
export function nodeFolder(place, file, version) {
    const folder = join(place.bin, `node-${version}`);
    // The file may be this very link: what runs inside of another command finds it on PATH.
    linkProgram(folder, "node", realpathSync(file));
    return folder;
}

/**
 * A folder for PATH in which `node` is the one that runs this command, with what Pulumi's program is to load first. Not by
 * NODE_OPTIONS: programs of others would get them too, as login plugins of kubeconfigs, with a Node.js that may reject them.
 *
 * @param {Workspace} place
 * @returns {string}
 */
function engineNode({ root, bin }) {
    const folder = join(bin, `engine-node-${process.versions.node}`);
    const start = join(root, "tools", "engine", "program-start.cjs");
    const quoted = [realpathSync(process.execPath), start].map((path) => `'${path.replaceAll("'", "'\\''")}'`);
    const script = `#!/bin/sh\nexec ${quoted[0]} ${heapFlags.join(" ")} --require ${quoted[1]} "$@"\n`;
    const file = join(folder, "node");
    mkdirSync(folder, { recursive: true });
    if (existsSync(file) && readFileSync(file, "utf8") === script) return folder;
    const partial = `${file}.${process.pid}.partial`;
    writeFileSync(partial, script);
    chmodSync(partial, 0o755);
    renameSync(partial, file);
    return folder;
}

/**
 * Makes a program available under another name.
 *
 * @param {string} bin the folder of links
 * @param {string} name
 * @param {string} target absolute path of the program
 */
export function linkProgram(bin, name, target) {
    mkdirSync(bin, { recursive: true });
    const link = join(bin, name);
    if (linkTarget(link) === target) return;
    const partial = `${link}.${process.pid}.partial`;
    symlinkSync(target, partial);
    renameSync(partial, link);
}

/** @param {string} link @returns {string | undefined} undefined if there is no such link */
function linkTarget(link) {
    try {
        return readlinkSync(link);
    } catch {
        return undefined;
    }
}
