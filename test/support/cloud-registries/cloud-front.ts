import type { IncomingMessage, ServerResponse } from "node:http";
import type { ServerCertificate } from "../certificates";
import { RegistryProcess } from "../registry-process";
import {
    Front,
    TokenMint,
    basicCredentials,
    errorBody,
    forward,
    parseScope,
    repositoryOfPath,
    respond,
} from "../token-gateway";

/** What a registry was asked, and who asked. */
export interface CloudRequest {
    readonly method: string;
    /** Without the query. */
    readonly path: string;
    readonly query: URLSearchParams;
    /** That the path is about; undefined for `/v2/`. */
    readonly repository: string | undefined;
    readonly basic: { readonly username: string; readonly password: string } | undefined;
    /** A bearer token. */
    readonly token: string | undefined;
}

export interface CloudReply {
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>>;
    /** JSON. */
    readonly body?: string;
}

/** What a registry answers itself; undefined: the registry behind it does. */
export type CloudRules = (request: CloudRequest) => CloudReply | undefined | Promise<CloudReply | undefined>;

/** An error body of distribution-spec ("Error Codes"). */
export function fault(status: number, code: string, message: string, headers?: CloudReply["headers"]): CloudReply {
    return { status, body: errorBody(code, message), ...(headers === undefined ? {} : { headers }) };
}

/**
 * The `/v2/` of a cloud's registry in front of a real distribution registry: what the cloud's documentation says that
 * differs is a rule, and everything else is distribution's. Never compared with the real one.
 */
export class CloudFront {
    readonly mint = new TokenMint();
    readonly requests: CloudRequest[] = [];
    rules: CloudRules = () => undefined;
    /** Repositories that exist although nothing was pushed to them. */
    readonly empty = new Set<string>();

    private constructor(
        readonly registry: RegistryProcess,
        private readonly server: { front?: Front },
    ) {}

    static async start(tls: ServerCertificate): Promise<CloudFront> {
        const cloud = new CloudFront(await RegistryProcess.start(), {});
        cloud.server.front = await Front.start(tls, (request, response) => void cloud.handle(request, response));
        return cloud;
    }

    get host(): string {
        return this.server.front?.host ?? "";
    }

    /** A token for the scopes of a request, as far as the account may have them. */
    grant({ query, basic }: CloudRequest, mayHave: (repository: string) => boolean, seconds = 300): string {
        const access = query.getAll("scope").flatMap((scope) => parseScope(scope) ?? []);
        return this.mint.issue(
            access.filter(({ repository }) => mayHave(repository)),
            seconds,
            basic?.username,
        );
    }

    /** Tags of a repository that point to a manifest. */
    async tagsOf(repository: string, digest: string): Promise<string[]> {
        const base = `http://${this.registry.host}/v2/${repository}`;
        const { tags } = (await (await fetch(`${base}/tags/list`)).json()) as { tags?: string[] | null };
        const found = await Promise.all(
            (tags ?? []).map(async (tag) => {
                const headers = {
                    accept: "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json",
                };
                const { headers: answered } = await fetch(`${base}/manifests/${tag}`, { method: "HEAD", headers });
                return answered.get("docker-content-digest") === digest ? [tag] : [];
            }),
        );
        return found.flat();
    }

    async stop(): Promise<void> {
        await this.server.front?.stop();
        await this.registry.stop();
    }

    private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
        const { pathname: path, searchParams: query } = new URL(request.url ?? "/", `https://${this.host}`);
        const { authorization } = request.headers;
        const asked: CloudRequest = {
            method: request.method ?? "",
            path,
            query,
            repository: repositoryOfPath(path),
            basic: basicCredentials(authorization),
            token: /^Bearer (.+)$/.exec(authorization ?? "")?.[1],
        };
        this.requests.push(asked);
        const reply = await this.rules(asked);
        if (reply === undefined) {
            forward(request, response, this.registry.port, { replace: (status) => this.emptyList(asked, status) });
            return;
        }
        respond(response, reply.status, reply.body ?? "", "application/json", reply.headers);
    }

    /** distribution knows no empty repositories. */
    private emptyList({ path, repository = "" }: CloudRequest, status: number) {
        if (status !== 404 || !path.endsWith("/tags/list") || !this.empty.has(repository)) return undefined;
        return { status: 200, body: JSON.stringify({ name: repository, tags: [] }) };
    }
}
