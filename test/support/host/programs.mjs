/**
 * Stand-ins of programs of a host, by the name that this file is called by. Each takes exactly what the manual pages that are
 * named here have, as far as a registry needs it, and ends with status 125 for anything else. HOST_ROOT is the root of the
 * host's file system.
 */
import { setImmediate } from "node:timers";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";

const root = process.env.HOST_ROOT ?? "";
const stateFile = join(root, "state.json");
/** @typedef {{names: string[]}} Image */
/** @typedef {{pid: number, labels: Record<string, string>, image: string}} Container */
/** @type {{images: Record<string, Image>, containers: Record<string, Container>, enabled: string[], active: string[], tables: Record<string, string>, version: string, starts: string[]}} */
const state = JSON.parse(readFileSync(stateFile, "utf8"));
const save = () => writeFileSync(stateFile, JSON.stringify(state));
const [name = "", ...args] = process.argv.slice(2);
const line = args.join(" ");

/** @param {string} text @param {number} [status] @returns {never} */
function fail(text, status = 125) {
    process.stderr.write(`${text}\n`);
    process.exit(status);
}

/** @param {string} reference name or id */
const imageId = (reference) =>
    Object.entries(state.images).find(([id, { names }]) => id === reference || names.includes(reference))?.[0];

/** @param {number} pid */
function isAlive(pid) {
    try {
        process.kill(pid, 0);
        return true;
    } catch {
        return false;
    }
}

/** podman-run(1), podman-load(1), podman-image-exists(1), podman-stop(1), podman-rm(1) of podman 4 */
async function podman() {
    if (line === "--version") return console.log(`podman version ${state.version}`);
    const [, exists] = /^image exists (\S+)$/.exec(line) ?? [];
    if (exists !== undefined) return process.exit(imageId(exists) === undefined ? 1 : 0);
    const [, inspected] = /^image inspect --format {{\.Id}} (\S+)$/.exec(line) ?? [];
    if (inspected !== undefined) return console.log(imageId(inspected) ?? fail(`Error: ${inspected}: image not known`));
    const [, archive] = /^load --quiet --input (\S+)$/.exec(line) ?? [];
    if (archive !== undefined) return load(archive);
    const [, pulled] = /^pull --quiet (\S+)$/.exec(line) ?? [];
    if (pulled !== undefined) return fail(`Error: initializing source docker://${pulled}: no route to host`);
    const [, label, container] =
        /^container inspect --format {{index \.Config\.Labels "(\S+)"}} (\S+)$/.exec(line) ?? [];
    if (container !== undefined && label !== undefined) {
        const found = state.containers[container];
        return found === undefined || !isAlive(found.pid)
            ? fail(`Error: no such container ${container}`)
            : console.log(found.labels[label] ?? "<no value>");
    }
    const [, checked] =
        /^run --rm --pull=never --network=none --cap-drop=all --entrypoint=registry (\S+) --version$/.exec(line) ?? [];
    if (checked !== undefined)
        return imageId(checked) === undefined ? fail("Error: no such image") : console.log("registry 3.1.2");
    const [, command, cidFile] = /^(stop --ignore --time=30|rm --force --ignore) --cidfile=(\S+)$/.exec(line) ?? [];
    if (command !== undefined && cidFile !== undefined) return end(cidFile);
    if (args[0] === "run") return run(args.slice(1));
    return fail(`podman stand-in: unknown: ${line}`);
}

/** An archive of these tests has the name of its image and its id. @param {string} file */
function load(file) {
    const [, image, id] = /^image (\S+) ([0-9a-f]{64})\n$/.exec(readFileSync(file, "utf8")) ?? [];
    if (image === undefined || id === undefined)
        fail(`Error: payload does not match any of the supported image formats`);
    // A name is that of one image.
    for (const other of Object.values(state.images)) other.names = other.names.filter((one) => one !== image);
    state.images[id] = { names: [image] };
    save();
    console.log(`Loaded image: ${image}`);
}

/** @param {string} cidFile */
function end(cidFile) {
    const container = existsSync(cidFile) ? readFileSync(cidFile, "utf8") : "";
    const found = state.containers[container];
    if (found === undefined) return;
    if (isAlive(found.pid)) process.kill(found.pid, "SIGKILL");
    while (isAlive(found.pid)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    state.containers = Object.fromEntries(Object.entries(state.containers).filter(([one]) => one !== container));
    save();
}

const FLAGS = new Set([
    ...["--cgroups=no-conmon", "--rm", "--sdnotify=conmon", "--replace", "--detach", "--network=host", "--read-only"],
    ...["--pull=never", "--cap-drop=all", "--security-opt=no-new-privileges", "--env=OTEL_TRACES_EXPORTER=none"],
    ...["--user=0:0", "--entrypoint=registry"],
]);

/** Starts the real registry, with the paths of the container as those of the host. @param {string[]} words */
async function run(words) {
    /** @type {Record<string, string>} */ const values = {};
    /** @type {[string, string][]} */ const volumes = [];
    /** @type {Record<string, string>} */ const labels = {};
    const rest = words.filter((word) => {
        const [, flag = "", value = ""] = /^(--[a-z]+)=(.*)$/.exec(word) ?? [];
        if (flag === "--volume") {
            const [, from = "", to = "", options] = /^([^:]+):([^:]+):(ro|rw),z$/.exec(value) ?? [];
            if (options === undefined || !existsSync(from)) fail(`Error: statfs ${from}: no such file or directory`);
            volumes.push([from, to]);
        } else if (flag === "--label") labels[value.split("=")[0] ?? ""] = value.slice(value.indexOf("=") + 1);
        else if (flag === "--cidfile" || flag === "--name") values[flag] = value;
        else if (!FLAGS.has(word)) return true;
        return false;
    });
    const [image = "", serve, config = "", more] = rest;
    if (imageId(image) === undefined) fail(`Error: ${image}: image not known`);
    if (serve !== "serve" || more !== undefined) fail(`podman stand-in: unknown: ${rest.join(" ")}`);
    /** @param {string} text */
    const onHost = (text) => volumes.reduce((all, [from, to]) => all.replaceAll(to, from), text);
    const text = onHost(readFileSync(onHost(config), "utf8"));
    const container = values["--name"] ?? "";
    const file = join(root, `${container}.json`);
    writeFileSync(file, text);
    const log = openSync(join(root, `${container}.log`), "a");
    const child = spawn("registry", ["serve", file], { detached: true, stdio: ["ignore", log, log] });
    child.unref();
    const port = Number(/:(\d+)$/.exec(JSON.parse(text).http.addr)?.[1]);
    let hasEnded = false;
    child.on("exit", () => (hasEnded = true));
    while (!hasEnded && !(await listens(port)));
    if (hasEnded) fail("Error: the registry ended", 1);
    state.containers[container] = { pid: child.pid ?? 0, labels, image };
    state.starts.push(container);
    save();
    writeFileSync(values["--cidfile"] ?? "", container);
}

/** @param {number} port @returns {Promise<boolean>} */
function listens(port) {
    return new Promise((resolve) => {
        const socket = connect(port, "127.0.0.1", () => {
            socket.destroy();
            resolve(true);
        });
        socket.on("error", () => setImmediate(resolve, false));
    });
}

const units = join(root, "etc/systemd/system");

/** systemctl(1), systemd.unit(5): %t is the folder of runtime files, %n the name of the unit. */
function systemctl() {
    const words = args.filter((word) => !["--quiet", "--now"].includes(word));
    const [verb = "", ...named] = words;
    if (verb === "daemon-reload" && named.length === 0) return;
    for (const unit of named) if (!["is-active", "is-enabled"].includes(verb)) requireUnit(unit);
    if (verb === "enable") state.enabled = [...new Set([...state.enabled, ...named])];
    else if (verb === "disable") {
        state.enabled = state.enabled.filter((unit) => !named.includes(unit));
        if (args.includes("--now")) for (const unit of named) stop(unit);
    } else if (verb === "start") for (const unit of named.filter((one) => !isActive(one))) start(unit);
    else if (verb === "restart") {
        // Requires= passes a restart on.
        const all = [...named, ...state.active.filter((unit) => named.some((one) => requires(unit, one)))];
        for (const unit of all) stop(unit);
        for (const unit of all) start(unit);
    } else if (verb === "is-active") return report(named.map(isActive), "active", "inactive", 3);
    else if (verb === "is-enabled")
        return report(
            named.map((unit) => state.enabled.includes(unit)),
            "enabled",
            "disabled",
            1,
        );
    else fail(`systemctl stand-in: unknown: ${line}`);
    save();
}

/** @param {boolean[]} found @param {string} yes @param {string} no @param {number} status */
function report(found, yes, no, status) {
    if (!args.includes("--quiet")) for (const is of found) console.log(is ? yes : no);
    // is-active: status 0 if at least one is active.
    process.exit(found.some(Boolean) ? 0 : status);
}

/** @param {string} unit */
function requireUnit(unit) {
    if (!existsSync(join(units, unit))) fail(`Failed to enable unit: Unit file ${unit} does not exist.`, 1);
}

/** @param {string} unit */
function isActive(unit) {
    const container = state.containers[unit.replace(".service", "")];
    return state.active.includes(unit) && (container === undefined || isAlive(container.pid));
}

/** @param {string} unit @param {string} other */
function requires(unit, other) {
    return readFileSync(join(units, unit), "utf8").split("\n").includes(`Requires=${other}`);
}

/** @param {string} unit @param {string} key */
function execute(unit, key) {
    const text = readFileSync(join(units, unit), "utf8");
    for (const [, command = ""] of text.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))) {
        const [program = "", ...words] = command.replaceAll("%t", join(root, "run")).replaceAll("%n", unit).split(" ");
        save();
        const { status, stderr } = spawnSync(program, words, { encoding: "utf8" });
        Object.assign(state, JSON.parse(readFileSync(stateFile, "utf8")));
        if (status !== 0)
            fail(`Job for ${unit} failed because the control process exited with error code.\n${stderr}`, 1);
    }
}

/** @param {string} unit */
function start(unit) {
    for (const key of ["ExecStartPre", "ExecStart"]) execute(unit, key);
    state.active.push(unit);
}

/** @param {string} unit */
function stop(unit) {
    for (const key of ["ExecStop", "ExecStopPost"]) execute(unit, key);
    state.active = state.active.filter((one) => one !== unit);
}

/** nft(8), with files that replace one table. */
function nft() {
    const [, check, file] = /^(-c )?-f (\S+)$/.exec(line) ?? [];
    if (file !== undefined) {
        const text = readFileSync(file, "utf8");
        const [, table] = /^delete table (inet \w+)$/m.exec(text) ?? [];
        if (table === undefined || !text.includes(`\ntable ${table} {\n`)) fail(`${file}:1:1: syntax error`, 1);
        if (check === undefined) state.tables[table] = text;
        return save();
    }
    const [, verb, table = ""] = /^(-s list|list|delete) table (inet \w+)$/.exec(line) ?? [];
    if (verb === undefined) fail(`nft stand-in: unknown: ${line}`);
    const rules = state.tables[table] ?? fail("Error: No such file or directory", 1);
    if (verb !== "delete") return console.log(rules);
    state.tables = Object.fromEntries(Object.entries(state.tables).filter(([name]) => name !== table));
    save();
}

mkdirSync(join(root, "run"), { recursive: true });
if (name === "podman") await podman();
else if (name === "systemctl") systemctl();
else if (name === "nft") nft();
else if (name === "journalctl") console.log("registry: the words of the journal");
else fail(`no stand-in for ${name}`);
