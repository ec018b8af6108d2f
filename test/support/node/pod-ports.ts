import { once } from "node:events";
import { type Server, connect, createServer } from "node:net";
import type { ApiClient, ApiObject } from "../cluster/api-client";

/** Where connections to a port of this machine go. */
export interface PodPort {
    readonly port: number;
    readonly podPort: number;
}

/** In the place of kube-proxy: each connection to a port of this machine goes to the pod of a namespace that runs then. */
export class PodPorts {
    private constructor(private readonly servers: readonly Server[]) {}

    static async start(api: ApiClient, namespace: string, ports: readonly PodPort[]): Promise<PodPorts> {
        const servers = ports.map(({ port, podPort }) => {
            const server = createServer((incoming) => {
                incoming.on("error", () => undefined);
                void podAddress(api, namespace).then((host) => {
                    if (host === undefined) return incoming.destroy();
                    const outgoing = connect(podPort, host);
                    outgoing.on("error", () => incoming.destroy());
                    incoming.on("close", () => outgoing.destroy());
                    return incoming.pipe(outgoing).pipe(incoming);
                });
            });
            return server.listen(port, "127.0.0.1");
        });
        await Promise.all(servers.map((server) => once(server, "listening")));
        return new PodPorts(servers);
    }

    stop(): void {
        for (const server of this.servers) server.close();
    }
}

async function podAddress(api: ApiClient, namespace: string): Promise<string | undefined> {
    const pods = await api.list<ApiObject>({ apiVersion: "v1", kind: "Pod" }, namespace);
    return pods.map(({ status }) => status?.podIP as string | undefined).find((address) => address !== undefined);
}
