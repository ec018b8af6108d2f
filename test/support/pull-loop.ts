import { setTimeout as pause } from "node:timers/promises";
import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { DEFAULT_RETRY } from "../../lib/distribution/limits/retry";
import { toProblem } from "../../lib/errors/errors";
import type { RegistryProcess } from "./registry-process";

/** How often it asks, in ms. */
const PAUSE = 100;

/**
 * Asks a registry without pause, each time with a new connection that trusts the CAs which a node would have then. A
 * registry that is down for its new certificate is no failure: one that is not trusted is.
 */
export class PullLoop {
    private isStopped = false;
    private pulls = 0;
    private readonly untrusted: string[] = [];
    private readonly loop: Promise<void>;

    private constructor(
        private readonly registry: Pick<RegistryProcess, "host">,
        private readonly trusted: () => Promise<readonly string[]>,
    ) {
        this.loop = this.run();
        this.loop.catch(() => undefined);
    }

    /** @param trusted PEM of the CAs that nodes have now */
    static start(registry: Pick<RegistryProcess, "host">, trusted: () => Promise<readonly string[]>): PullLoop {
        return new PullLoop(registry, trusted);
    }

    /** @returns what was not trusted, and whether anything was pulled at all */
    async stop(): Promise<{ readonly untrusted: readonly string[]; readonly pulled: boolean }> {
        this.isStopped = true;
        await this.loop;
        return { untrusted: this.untrusted, pulled: this.pulls > 0 };
    }

    private async run(): Promise<void> {
        while (!this.isStopped) {
            await this.pull();
            await pause(PAUSE);
        }
    }

    private async pull(): Promise<void> {
        const ca = (await this.trusted()).join("\n");
        const client = new RegistryClient({
            endpoint: { host: this.registry.host, ca },
            retry: { ...DEFAULT_RETRY, seconds: 0 },
        });
        try {
            await client.ping();
            this.pulls++;
        } catch (error) {
            const { code, problem } = toProblem(error);
            if (code === "TLS") this.untrusted.push(problem);
        } finally {
            await client.close();
        }
    }
}
