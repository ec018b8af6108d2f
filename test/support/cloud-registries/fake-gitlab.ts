import type { ServerCertificate } from "../certificates";
import { Front, basicCredentials, parseScope, respond } from "../token-gateway";
import { CloudFront, type CloudReply, type CloudRequest, fault } from "./cloud-front";

/**
 * GitLab's container registry as its documentation and its code describe it:
 *
 * - The token service is GitLab itself, at another host: `/jwt/auth`
 *   (doc/administration/packages/container_registry.md).
 * - A token has the scopes whose path is that of a project, or below it by up to two names
 *   (doc/user/packages/container_registry/_index.md, "Naming convention"); the others are left out of it without a word
 *   (app/services/auth/container_registry_authentication_service.rb, `process_repository_access`).
 * - The registry is a fork of distribution: a missing right is 401 with `insufficient_scope`.
 */
export class FakeGitLab {
    /** Paths of projects: `group/project`. */
    readonly projects = new Set<string>();

    private constructor(
        readonly cloud: CloudFront,
        private readonly gitlab: { front?: Front },
        private readonly account: { readonly username: string; readonly password: string },
    ) {
        cloud.rules = (request) => this.answer(request);
    }

    /** @param account a user with a personal access token, or a deploy token */
    static async start(tls: ServerCertificate, account: { username: string; password: string }): Promise<FakeGitLab> {
        const fake = new FakeGitLab(await CloudFront.start(tls), {}, account);
        fake.gitlab.front = await Front.start(tls, (request, response) => {
            const { status, body = "" } = fake.answerToken(request.url ?? "", request.headers.authorization);
            respond(response, status, body, "application/json");
        });
        return fake;
    }

    /** Another host name than the registry's. */
    get tokenHost(): string {
        return (this.gitlab.front?.host ?? "").replace("localhost", "127.0.0.1");
    }

    async stop(): Promise<void> {
        await this.gitlab.front?.stop();
        await this.cloud.stop();
    }

    private answerToken(url: string, authorization: string | undefined): CloudReply {
        const { pathname, searchParams } = new URL(url, `https://${this.tokenHost}`);
        const { username, password } = basicCredentials(authorization) ?? {};
        if (pathname !== "/jwt/auth" || searchParams.get("service") !== "container_registry") return { status: 404 };
        if (username !== this.account.username || password !== this.account.password) {
            return fault(403, "DENIED", "access forbidden");
        }
        const access = searchParams.getAll("scope").flatMap((scope) => parseScope(scope) ?? []);
        const granted = access.filter(({ repository }) => this.isInProject(repository));
        return { status: 200, body: JSON.stringify({ token: this.cloud.mint.issue(granted, 300, username) }) };
    }

    private isInProject(repository: string): boolean {
        const names = repository.split("/");
        return [0, 1, 2].some((below) => this.projects.has(names.slice(0, names.length - below).join("/")));
    }

    private answer({ method, path, repository, token = "" }: CloudRequest): CloudReply | undefined {
        const isUpload = path.includes("/uploads/");
        const action = method === "DELETE" && !isUpload ? "delete" : ["GET", "HEAD"].includes(method) ? "pull" : "push";
        const { mint } = this.cloud;
        if (repository === undefined ? mint.read(token) : mint.allows(token, repository, action)) return undefined;
        const error = mint.read(token) === undefined ? "" : ',error="insufficient_scope"';
        const challenge = `Bearer realm="https://${this.tokenHost}/jwt/auth",service="container_registry"${error}`;
        return fault(401, "UNAUTHORIZED", "authentication required", { "www-authenticate": challenge });
    }
}
