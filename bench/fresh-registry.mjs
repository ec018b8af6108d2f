import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { anyPort } from "../tools/registry-process.mjs";
import { startRegistry, stopRegistry } from "../tools/registry.mjs";
import { scratchFolder } from "./data/scratch.mjs";
import { cpuSeconds } from "./process-tree.mjs";

/**
 * A distribution registry with an empty filesystem store, on loopback with TLS, no account; its certificate and CA stay
 * the same over all runs.
 */
export class FreshRegistry {
    /** @param {string} folder @param {import("../tools/registry.mjs").RunningRegistry} running */
    constructor(folder, running) {
        this.folder = folder;
        this.running = running;
    }

    /** @param {string} executable */
    static async start(executable) {
        const folder = join(scratchFolder(), "registry");
        await stopRegistry(folder);
        rmSync(join(folder, "registry"), { recursive: true, force: true });
        // Another port each time: what skopeo remembers of a place must not be about an earlier registry.
        const running = await startRegistry({ dir: folder, executable, auth: false, port: await anyPort() });
        return new FreshRegistry(folder, running);
    }

    get host() {
        return this.running.host;
    }

    /** PEM file. */
    get ca() {
        const { ca } = this.running;
        if (ca === undefined) throw new Error(`the registry at ${this.host} has no TLS`);
        return ca;
    }

    /** A folder with nothing but the CA, as containers/image wants one. */
    get certificates() {
        const folder = join(this.folder, "trust");
        mkdirSync(folder, { recursive: true });
        copyFileSync(this.ca, join(folder, "ca.crt"));
        return folder;
    }

    /** Requests served since its start, by method; the one that asked whether it is up is not counted. */
    requests() {
        /** @type {Record<string, number>} */
        const counts = {};
        for (const [, method = ""] of this.#log().matchAll(/"([A-Z]+) \/v2\/\S+ HTTP\/[\d.]+" \d{3} /g)) {
            counts[method] = (counts[method] ?? 0) + 1;
        }
        return counts;
    }

    cpuSeconds() {
        return cpuSeconds(this.running.pid);
    }

    /**
     * @param {string} repository
     * @param {string} tag
     * @returns {string | undefined} the digest of a tag, read from the store
     */
    tag(repository, tag) {
        return this.#read("repositories", repository, "_manifests", "tags", tag, "current", "link");
    }

    /** @param {string} digest */
    hasBlob(digest) {
        const hex = digest.slice(7);
        return existsSync(this.#path("blobs", "sha256", hex.slice(0, 2), hex, "data"));
    }

    async stop() {
        await stopRegistry(this.folder);
        rmSync(join(this.folder, "registry"), { recursive: true, force: true });
    }

    #log() {
        return readFileSync(this.running.log, "utf8");
    }

    /** @param {string[]} parts below the store's root */
    #path(...parts) {
        return join(this.folder, "registry", "docker", "registry", "v2", ...parts);
    }

    /** @param {string[]} parts @returns {string | undefined} */
    #read(...parts) {
        const path = this.#path(...parts);
        return existsSync(path) ? readFileSync(path, "utf8") : undefined;
    }
}
