import { RegistryClient, type RegistryClientOptions } from "../../lib/distribution/client/registry-client";
import { CountingProxy } from "./counting-proxy";
import { RegistryProcess } from "./registry-process";

/** A registry behind a proxy that counts and detours its requests, and clients that reach it through that. */
export class CountedRegistry {
    registry!: RegistryProcess;
    proxy!: CountingProxy;
    client!: RegistryClient;
    private readonly clients: RegistryClient[] = [];

    constructor(private readonly retry: NonNullable<RegistryClientOptions["retry"]>) {}

    async start(): Promise<void> {
        this.registry = await RegistryProcess.start();
        this.proxy = await CountingProxy.start(this.registry.port);
        this.connect();
    }

    /** Another client from now on; all are closed with the registry. */
    connect(options: Omit<RegistryClientOptions, "endpoint"> = {}): RegistryClient {
        const endpoint = { host: this.proxy.host, plainHttp: true };
        this.client = new RegistryClient({ endpoint, retry: this.retry, ...options });
        this.clients.push(this.client);
        return this.client;
    }

    async stop(): Promise<void> {
        for (const client of this.clients.splice(0)) await client.close();
        await this.proxy.stop();
        await this.registry.stop();
    }
}

/** One for each test of the file, or for all of them. */
export function countedRegistry(
    retry: NonNullable<RegistryClientOptions["retry"]>,
    lasts: "a test" | "the file" = "a test",
): CountedRegistry {
    const counted = new CountedRegistry(retry);
    const [before, after] = lasts === "a test" ? [beforeEach, afterEach] : [beforeAll, afterAll];
    before(() => counted.start());
    after(() => counted.stop());
    return counted;
}
