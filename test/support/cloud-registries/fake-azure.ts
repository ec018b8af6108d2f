import type { ServerCertificate } from "../certificates";
import { CloudFront, type CloudReply, type CloudRequest, fault } from "./cloud-front";

/** The user name of a token that `az acr login --expose-token` prints. */
export const TOKEN_USER = "00000000-0000-0000-0000-000000000000";

/**
 * Azure Container Registry as its documentation describes it (azure.github.io/acr/AAD-OAuth.html):
 *
 * - Tokens are issued by `/oauth2/token` of the registry, for the admin user, a service principal or a repository-scoped
 *   token with Basic ("Catalog listing using Admin Keys with Bearer Auth"), and for the null GUID with a token as password
 *   ("Authenticating docker with an ACR refresh token"). The response has an `access_token` and nothing else.
 * - A deletion needs the action `delete`; a tag cannot be deleted alone (fluxcd/pkg#328).
 */
export class FakeAzure {
    /** Passwords by user name. */
    readonly accounts = new Map<string, string>();

    private constructor(readonly cloud: CloudFront) {
        cloud.rules = (request) => this.answer(request);
    }

    static async start(tls: ServerCertificate): Promise<FakeAzure> {
        return new FakeAzure(await CloudFront.start(tls));
    }

    private answer(request: CloudRequest): CloudReply | undefined {
        const { method, path, query, repository, basic, token = "" } = request;
        const { cloud } = this;
        if (path === "/oauth2/token" && method === "GET") {
            const isAccount = basic !== undefined && this.accounts.get(basic.username) === basic.password;
            if (!isAccount || query.get("service") !== cloud.host) {
                return fault(401, "UNAUTHORIZED", "authentication required, visit https://aka.ms/acr/authorization");
            }
            return { status: 200, body: JSON.stringify({ access_token: cloud.grant(request, () => true) }) };
        }
        const action = { GET: "pull", HEAD: "pull", DELETE: path.includes("/uploads/") ? "push" : "delete" }[method];
        const isAllowed =
            repository === undefined
                ? cloud.mint.read(token) !== undefined
                : cloud.mint.allows(token, repository, action ?? "push");
        if (!isAllowed) {
            const challenge = `Bearer realm="https://${cloud.host}/oauth2/token",service="${cloud.host}"`;
            return fault(401, "UNAUTHORIZED", "authentication required", { "www-authenticate": challenge });
        }
        if (method === "DELETE" && /\/manifests\/(?!sha256:)/.test(path)) {
            return fault(405, "UNSUPPORTED", "the operation is unsupported");
        }
        return undefined;
    }
}
