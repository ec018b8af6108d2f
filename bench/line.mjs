import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { keepCertificates } from "../tools/certificates.mjs";
import { projectRoot } from "../tools/workspace.mjs";

/**
 * A line to a registry, and what the registry puts up with.
 *
 * @typedef {object} LineProfile
 * @property {string} name
 * @property {number} [roundTrip] milliseconds
 * @property {number} [rate] bytes per millisecond, in each direction
 * @property {number} [takes] requests at a time
 * @property {{status: number, body: string}} [refusal] of one more; 429 without a body if absent
 */

/** A registry as a client sees it through a line. */
export class Line {
    #relay;
    #registry;

    /**
     * @param {import("./fresh-registry.mjs").FreshRegistry} registry
     * @param {import("node:child_process").ChildProcess} relay
     * @param {number} port
     */
    constructor(registry, relay, port) {
        this.#registry = registry;
        this.#relay = relay;
        this.host = `localhost:${port}`;
    }

    /** @param {import("./fresh-registry.mjs").FreshRegistry} registry @param {LineProfile} profile */
    static async open(registry, profile) {
        const { certificate, key } = await keepCertificates(registry.folder);
        const { port } = registry.running;
        const client = join(projectRoot, "bench", "clients", "relay.mjs");
        const args = [client, String(port), certificate, key, registry.ca, JSON.stringify(profile)];
        const relay = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
        const ended = once(relay, "close").then(() => [undefined]);
        const [line] = await Promise.race([once(createInterface({ input: relay.stdout }), "line"), ended]);
        if (line === undefined) throw new Error("the relay did not start; the reason is above");
        return new Line(registry, relay, Number(line));
    }

    /** PEM file. */
    get ca() {
        return this.#registry.ca;
    }

    /** As `FreshRegistry.certificates`. */
    get certificates() {
        return this.#registry.certificates;
    }

    async close() {
        const ended = once(this.#relay, "close");
        this.#relay.stdin?.end();
        await ended;
    }
}
