import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { setTimeout as wait } from "node:timers/promises";
import { ApiError, NoKindError } from "./api-error";
import { type ClusterAccess, readAccess } from "./kubeconfig";
import type { PlainMap } from "./properties";

/** Where the API has the objects of a kind. */
export interface KindPath {
    readonly isNamespaced: boolean;
    /** `/apis/config.openshift.io/v1/imagedigestmirrorsets`, with the namespace for kinds that have one. */
    readonly path: (namespace: string | undefined) => string;
}

export interface ApiRequest {
    readonly method: "GET" | "POST" | "PATCH" | "DELETE";
    readonly path: string;
    readonly query?: Readonly<Record<string, string>>;
    readonly body?: unknown;
    readonly contentType?: string;
    /** The body of a success does not end (a watch) or does not matter: its status is all. */
    readonly statusOnly?: boolean;
}

interface ResourceList {
    readonly resources: readonly { readonly name: string; readonly kind: string; readonly namespaced: boolean }[];
}

/** Against an API server that accepts a connection and never responds. */
const TIMEOUT_MS = 30_000;
const MAX_REPETITIONS = 10;
export const APPLY = "application/apply-patch+yaml";
export const JSON_PATCH = "application/json-patch+json";

/** The API of one cluster, over TLS whose certificate is always verified. */
export class Cluster {
    private readonly kinds = new Map<string, ResourceList>();

    /** Of the context; objects of a kind with namespaces that name none get it. */
    readonly namespace: string;

    private constructor(private readonly access: ClusterAccess) {
        this.namespace = access.namespace;
    }

    /**
     * Connects as the plugin does when it is configured: the version and the OpenAPI document are read, and whoever may
     * not read them has no cluster (provider.go, Configure).
     *
     * @param kubeconfig YAML text or a path
     * @throws Error
     */
    static async connect(kubeconfig: string, context: string | undefined): Promise<Cluster> {
        const cluster = new Cluster(readAccess(kubeconfig, context));
        await cluster.send({ method: "GET", path: "/version" });
        await cluster.send({ method: "GET", path: "/openapi/v2" });
        return cluster;
    }

    /** @returns undefined if the API has no such kind */
    async findKind(apiVersion: string, kind: string): Promise<KindPath | undefined> {
        const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
        // A kind that was missing may have been defined since.
        const found = findResource(this.kinds.get(root), kind) ?? findResource(await this.readKinds(root), kind);
        if (found === undefined) return undefined;
        const { name, namespaced } = found;
        const path = (namespace: string | undefined) =>
            namespaced ? `${root}/namespaces/${namespace ?? "default"}/${name}` : `${root}/${name}`;
        return { isNamespaced: namespaced, path };
    }

    /** @throws NoKindError */
    async requireKind(apiVersion: string, kind: string): Promise<KindPath> {
        const found = await this.findKind(apiVersion, kind);
        if (found === undefined) throw new NoKindError(apiVersion, kind);
        return found;
    }

    private async readKinds(root: string): Promise<ResourceList | undefined> {
        try {
            const list = (await this.send({ method: "GET", path: root })) as unknown as ResourceList;
            this.kinds.set(root, list);
            return list;
        } catch (error) {
            if (error instanceof ApiError && error.isNotFound) return undefined;
            throw error;
        }
    }

    /** @throws ApiError if the API refuses, Error if it cannot be reached */
    async send(options: ApiRequest): Promise<PlainMap> {
        const { code, text } = await this.exchangeRepeatedly(options);
        const body = parseBody(text);
        if (code < 200 || code > 299) throw ApiError.ofResponse(code, body);
        return body as PlainMap;
    }

    /** An overloaded API server says when to come back: client-go does, up to ten times (rest/with_retry.go). */
    private async exchangeRepeatedly(options: ApiRequest): Promise<RawResponse> {
        for (let attempt = 0; attempt < MAX_REPETITIONS; attempt++) {
            const response = await this.exchange(options);
            const { code, retryAfter } = response;
            if ((code !== 429 && code < 500) || retryAfter === undefined) return response;
            await wait(retryAfter * 1000);
        }
        return this.exchange(options);
    }

    private async exchange({ method, path, query, body, contentType, statusOnly }: ApiRequest): Promise<RawResponse> {
        const { server, headers: login, tls } = this.access;
        const url = new URL(server.replace(/\/$/, "") + path);
        for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
        const type = body === undefined ? {} : { "content-type": contentType ?? "application/json" };
        const headers = { ...login, ...type, accept: "application/json" };
        const agent = new Agent({ ...tls, rejectUnauthorized: true });
        return new Promise((resolve, reject) => {
            const fail = (error: Error) => {
                reject(new Error(`${method} ${url.origin}${path}: ${error.message}`));
            };
            const sent = request(url, { agent, method, headers, timeout: TIMEOUT_MS }, (response) => {
                const { statusCode: code = 0 } = response;
                if (statusOnly !== true || code > 299) {
                    readBody(response).then(resolve, fail);
                    return;
                }
                resolve({ code, text: "{}" });
                sent.destroy();
            });
            sent.on("timeout", () => sent.destroy(new Error(`no response in ${TIMEOUT_MS / 1000} s`)));
            sent.on("error", fail);
            sent.end(body === undefined ? undefined : JSON.stringify(body));
        });
    }
}

async function readBody(response: IncomingMessage): Promise<RawResponse> {
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const { statusCode: code = 0, headers } = response;
    const retryAfter = /^\d+$/.exec(headers["retry-after"] ?? "")?.[0];
    const text = Buffer.concat(chunks).toString("utf8");
    return { code, text, retryAfter: retryAfter === undefined ? undefined : Number(retryAfter) };
}

type Resource = ResourceList["resources"][number];

/** Subresources, with a slash in their names, have kinds of their own. */
function findResource(list: ResourceList | undefined, kind: string): Resource | undefined {
    return list?.resources.find((one) => one.kind === kind && !one.name.includes("/"));
}

interface RawResponse {
    readonly code: number;
    /** Seconds. */
    readonly retryAfter?: number | undefined;
    readonly text: string;
}

function parseBody(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        return { message: text.slice(0, 200) };
    }
}
