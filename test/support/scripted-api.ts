import type { ClusterClient } from "../../lib/kubernetes/cluster-client";
import { ClusterError } from "../../lib/kubernetes/cluster-error";
import { connectCluster } from "../../lib/kubernetes/connect";
import type { ClientLimits } from "../../lib/kubernetes/limits";
import { type ServerCertificate, type TestAuthority, testAuthority } from "./certificates";
import { type Answering, type Reply, ScriptedServer } from "./http-server";
import { clusterEntry, kubeconfigText } from "./kubeconfig";

export const TOKEN = "sha256~canary-token";
export const MAPS = { apiVersion: "v1", resource: "configmaps", namespace: "openshift-config" };
export const MAP = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "ca", resourceVersion: "7" } };
/** Repeats at once. */
export const FAST: Partial<ClientLimits> = { retry: { seconds: 5, firstDelay: 1, longestDelay: 2 } };
/** No repetition. */
export const ONCE: Partial<ClientLimits> = { retry: { seconds: 0, firstDelay: 1, longestDelay: 1 } };

/** HTTPS servers that respond as a test scripts it, and clients for them; all end together. */
export class ScriptedApi {
    private readonly open: { stop?: () => Promise<void>; close?: () => Promise<void> }[] = [];

    private constructor(
        readonly authority: TestAuthority,
        readonly certificate: ServerCertificate,
    ) {}

    static async create(): Promise<ScriptedApi> {
        const authority = await testAuthority();
        return new ScriptedApi(authority, await authority.issue());
    }

    async serve(answer: Answering, certificate = this.certificate): Promise<ScriptedServer> {
        return this.keep(await ScriptedServer.start(answer, certificate));
    }

    /** Without TLS. */
    async servePlain(answer: Answering): Promise<ScriptedServer> {
        return this.keep(await ScriptedServer.start(answer));
    }

    private keep(server: ScriptedServer): ScriptedServer {
        this.open.push(server);
        return server;
    }

    async connect(server: ScriptedServer, limits = FAST, signal?: AbortSignal): Promise<ClusterClient> {
        return this.connectTo(clusterEntry(server, this.authority.ca), limits, signal);
    }

    /** @param cluster entry of the kubeconfig */
    async connectTo(cluster: Record<string, unknown>, limits = FAST, signal?: AbortSignal): Promise<ClusterClient> {
        const client = await connectCluster({ kubeconfig: kubeconfigText(cluster, { token: TOKEN }), limits, signal });
        this.open.push(client);
        return client;
    }

    /** The error of an operation against a server with these answers. */
    async errorOf(answer: Answering, act: (client: ClusterClient) => Promise<unknown>, limits = ONCE) {
        const server = await this.serve(answer);
        const error: unknown = await act(await this.connect(server, limits)).then(
            () => undefined,
            (thrown: unknown) => thrown,
        );
        expect(error).toBeInstanceOf(ClusterError);
        expect((error as ClusterError).server).toBe(server.origin);
        return error as ClusterError;
    }

    async end(): Promise<void> {
        for (const one of this.open.splice(0)) {
            await one.close?.();
            await one.stop?.();
        }
    }
}

export const jsonReply = (body: unknown, status = 200): Reply => ({
    status,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
});

/** A Status of the API. */
export const failure = (status: number, reason: string, message = reason, details: object = {}): Reply =>
    jsonReply({ kind: "Status", apiVersion: "v1", status: "Failure", message, reason, details, code: status }, status);

export const PAGE_NOT_FOUND: Reply = {
    status: 404,
    headers: { "content-type": "text/plain" },
    body: "404 page not found\n",
};
