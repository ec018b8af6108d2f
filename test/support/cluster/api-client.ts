import { Agent, request } from "node:https";

/** What every object has. */
export interface NamedObject {
    readonly apiVersion: string;
    readonly kind: string;
    readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** An object as the API returns it; tests read what they look for. */
export interface ApiObject extends NamedObject {
    readonly metadata: NamedObject["metadata"] & {
        readonly uid: string;
        readonly resourceVersion: string;
        readonly generation?: number;
        readonly labels?: Readonly<Record<string, string>>;
        readonly annotations?: Readonly<Record<string, string>>;
        readonly managedFields?: readonly { readonly manager: string; readonly operation: string }[];
    };
    readonly spec?: Readonly<Record<string, unknown>>;
    readonly status?: Readonly<Record<string, unknown>>;
    readonly data?: Readonly<Record<string, string>>;
}

export interface ApiResponse {
    readonly status: number;
    readonly text: string;
}

/** A refusal of the API: `message` is its own text. */
class ApiError extends Error {
    constructor(
        readonly status: number,
        /** `Invalid`, `AlreadyExists`, `Conflict`, `Forbidden`, … */
        readonly reason: string,
        message: string,
    ) {
        super(message);
    }
}

export interface ApiAccess {
    /** `https://localhost:<port>`. */
    readonly url: string;
    /** PEM. */
    readonly ca: string;
    readonly token: string;
}

export interface ApplyOptions {
    /** Default `test`. */
    readonly manager?: string;
    /** Takes fields over from other managers. */
    readonly force?: boolean;
}

interface Resource {
    readonly plural: string;
    readonly namespaced: boolean;
}

/** A plain client of the API for tests: refuses unknown and doubled fields (fieldValidation=Strict) in all it writes. */
export class ApiClient {
    private readonly agent = new Agent({ keepAlive: true });
    private readonly resources = new Map<string, Resource>();

    constructor(private readonly access: ApiAccess) {}

    create<T extends NamedObject = ApiObject>(object: NamedObject): Promise<T> {
        return this.write("POST", object, { collection: true });
    }

    /** Server-side apply. */
    apply<T extends NamedObject = ApiObject>(object: NamedObject, options: ApplyOptions = {}): Promise<T> {
        const { manager = "test", force = false } = options;
        const query = `fieldManager=${encodeURIComponent(manager)}&force=${force}`;
        return this.write("PATCH", object, { query, contentType: "application/apply-patch+yaml" });
    }

    /** Replaces the object; with its resourceVersion only if it has not changed. */
    replace<T extends NamedObject = ApiObject>(object: NamedObject): Promise<T> {
        return this.write("PUT", object, {});
    }

    /** Replaces the object's status, as controllers do; creates nothing. */
    replaceStatus<T extends NamedObject = ApiObject>(object: NamedObject): Promise<T> {
        return this.write("PUT", object, { subresource: "/status" });
    }

    /** JSON merge patch (RFC 7386) of the object or, with `subresource`, of its status. */
    async patch<T extends NamedObject = ApiObject>(
        reference: NamedObject,
        patch: object,
        subresource: "" | "/status" = "",
    ): Promise<T> {
        const path = `${await this.path(reference)}${subresource}`;
        return parse(await this.request("PATCH", path, patch, "application/merge-patch+json"));
    }

    /** @returns undefined if there is no such object */
    async get<T extends NamedObject = ApiObject>(reference: NamedObject): Promise<T | undefined> {
        const response = await this.request("GET", await this.path(reference));
        return response.status === 404 ? undefined : parse<T>(response);
    }

    async list<T extends NamedObject = ApiObject>(
        kind: Pick<NamedObject, "apiVersion" | "kind">,
        namespace?: string,
    ): Promise<T[]> {
        const metadata = { name: "", ...(namespace === undefined ? {} : { namespace }) };
        const response = await this.request("GET", await this.collection({ ...kind, metadata }));
        return parse<{ items: T[] }>(response).items;
    }

    /** @returns false if there was no such object */
    async remove(reference: NamedObject): Promise<boolean> {
        const response = await this.request("DELETE", await this.path(reference));
        if (response.status === 404) return false;
        parse(response);
        return true;
    }

    /** Any request; the caller looks at the status. */
    request(method: string, path: string, body?: object, contentType = "application/json"): Promise<ApiResponse> {
        const { url, ca, token } = this.access;
        const headers = {
            authorization: `Bearer ${token}`,
            ...(body === undefined ? {} : { "content-type": contentType }),
        };
        return new Promise((resolve, reject) => {
            const outgoing = request(new URL(path, url), { method, headers, ca, agent: this.agent }, (response) => {
                const chunks: Buffer[] = [];
                response.on("data", (chunk: Buffer) => chunks.push(chunk));
                response.on("error", reject);
                response.on("end", () => {
                    resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") });
                });
            });
            outgoing.on("error", reject);
            outgoing.end(body === undefined ? undefined : JSON.stringify(body));
        });
    }

    close(): void {
        this.agent.destroy();
    }

    private async write<T extends NamedObject>(
        method: string,
        object: NamedObject,
        options: { collection?: boolean; subresource?: string; query?: string; contentType?: string },
    ): Promise<T> {
        const { collection = false, subresource = "", query = "fieldManager=test", contentType } = options;
        const base = collection ? await this.collection(object) : await this.path(object);
        const path = `${base}${subresource}?fieldValidation=Strict&${query}`;
        return parse(await this.request(method, path, object, contentType));
    }

    private async path(object: NamedObject): Promise<string> {
        return `${await this.collection(object)}/${encodeURIComponent(object.metadata.name)}`;
    }

    private async collection({ apiVersion, kind, metadata }: NamedObject): Promise<string> {
        const { plural, namespaced } = await this.resource(apiVersion, kind);
        const { namespace } = metadata;
        const place = namespaced && namespace !== undefined ? `/namespaces/${namespace}` : "";
        return `${apiRoot(apiVersion)}${place}/${plural}`;
    }

    private async resource(apiVersion: string, kind: string): Promise<Resource> {
        const key = `${apiVersion} ${kind}`;
        const known = this.resources.get(key);
        if (known !== undefined) return known;
        const response = await this.request("GET", apiRoot(apiVersion));
        if (response.status === 404) throw new ApiError(404, "NotFound", `the API has no ${apiVersion}`);
        const { resources } = parse<{ resources: { name: string; kind: string; namespaced: boolean }[] }>(response);
        for (const { name, kind: each, namespaced } of resources) {
            if (!name.includes("/")) this.resources.set(`${apiVersion} ${each}`, { plural: name, namespaced });
        }
        const found = this.resources.get(key);
        if (found === undefined) throw new ApiError(404, "NotFound", `the API has no ${kind} in ${apiVersion}`);
        return found;
    }
}

function apiRoot(apiVersion: string): string {
    return apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

function parse<T>({ status, text }: ApiResponse): T {
    if (status < 300) return JSON.parse(text) as T;
    let refusal: { reason?: string; message?: string } = {};
    try {
        refusal = JSON.parse(text) as typeof refusal;
    } catch {
        // Not every refusal is a Status object: the text stands for itself.
    }
    throw new ApiError(status, refusal.reason ?? "Unknown", refusal.message ?? `${status}: ${text}`);
}
