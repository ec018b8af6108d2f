import { readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { errorCode } from "./process.mjs";

/** While a process replaces its program (execve), its command line is empty; on a busy machine for milliseconds. */
const execMilliseconds = 1_000;

/**
 * Finds a registry by its pid file, and makes sure that the process is really that registry: pids are reused.
 *
 * @param {string} pidFile
 * @param {string} configFile absolute; the registry has it on its command line
 * @param {(pid: number) => string} [readCommandLine] arguments separated by NUL
 * @returns {number | undefined} the pid of the running registry
 */
export function runningPid(pidFile, configFile, readCommandLine = commandLine) {
    const pid = Number(readText(pidFile));
    if (!Number.isInteger(pid) || pid <= 1) return undefined;
    const deadline = Date.now() + execMilliseconds;
    let line = readCommandLine(pid);
    while (line === "" && !hasEnded(pid) && Date.now() < deadline) {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
        line = readCommandLine(pid);
    }
    return line.split("\0").includes(configFile) ? pid : undefined;
}

/** Empty for a process that is gone, or that has ended and waits for its parent. @param {number} pid */
function commandLine(pid) {
    return readText(`/proc/${pid}/cmdline`);
}

/**
 * Ends a registry and waits until it is gone: SIGTERM, after ten seconds SIGKILL.
 *
 * @param {string} pidFile removed
 * @param {string} configFile
 * @returns {Promise<boolean>} whether one ran
 */
export async function endProcess(pidFile, configFile) {
    const pid = runningPid(pidFile, configFile);
    if (pid !== undefined) {
        const gone = async () => hasEnded(pid);
        signal(pid, "SIGTERM");
        if (!(await until(gone, 10_000))) {
            signal(pid, "SIGKILL");
            if (!(await until(gone, 10_000))) throw new Error(`the registry (process ${pid}) does not stop`);
        }
    }
    rmSync(pidFile, { force: true });
    return pid !== undefined;
}

/** A process loses its command line before it gives its port back; as a zombie, or no more there, it holds nothing. @param {number} pid */
function hasEnded(pid) {
    const stat = readText(`/proc/${pid}/stat`);
    return stat === "" || /^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
}

/** @param {number} pid @param {NodeJS.Signals} name */
function signal(pid, name) {
    try {
        process.kill(pid, name);
    } catch (error) {
        if (errorCode(error) !== "ESRCH") throw error;
    }
}

/**
 * Asks again and again until the answer is yes.
 *
 * @param {() => Promise<boolean>} question
 * @param {number} milliseconds how long
 * @returns {Promise<boolean>} the last answer
 */
export async function until(question, milliseconds) {
    const deadline = Date.now() + milliseconds;
    for (;;) {
        if (await question()) return true;
        if (Date.now() > deadline) return false;
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
}

/**
 * @param {number} port 0: any
 * @returns {Promise<number | undefined>} a port that is free on loopback at this moment; undefined if `port` is taken
 */
export function freePort(port) {
    return new Promise((resolve, reject) => {
        const server = createServer();
        server.once("error", (error) => (errorCode(error) === "EADDRINUSE" ? resolve(undefined) : reject(error)));
        server.listen({ host: "127.0.0.1", port, exclusive: true }, () => {
            const { port: found } = /** @type {import("node:net").AddressInfo} */ (server.address());
            server.close(() => resolve(found));
        });
    });
}

/** @returns {Promise<number>} a port that is free on loopback at this moment */
export async function anyPort() {
    const port = await freePort(0);
    if (port === undefined) throw new Error("the system has no free port on 127.0.0.1");
    return port;
}

/** @param {string} file @returns {string} its text; empty if it cannot be read */
export function readText(file) {
    try {
        return readFileSync(file, "utf8");
    } catch {
        return "";
    }
}
