import type { ServerCertificate } from "../certificates";
import { CloudFront, type CloudReply, type CloudRequest, fault } from "./cloud-front";

/**
 * Google Artifact Registry as its documentation describes it:
 *
 * - The user name `_json_key` has the key file of a service account as its password, `oauth2accesstoken` an access token of
 *   60 minutes (docs.cloud.google.com/artifact-registry/docs/docker/authentication).
 * - Images lie at `PROJECT/REPOSITORY/IMAGE` (…/docs/docker/names), and the repository must be created before the first
 *   push (…/docs/docker/troubleshoot).
 * - A manifest cannot be deleted while a tag points to it: 400 GOOGLE_MANIFEST_DANGLING_TAG; a tag can be deleted alone
 *   (genuinetools/reg#136, enix/kube-image-keeper#636).
 */
export class FakeArtifactRegistry {
    /** `PROJECT/REPOSITORY` of what was created. */
    readonly repositories = new Set<string>();
    /** Passwords by user name. */
    readonly accounts = new Map<string, string>();

    private constructor(readonly cloud: CloudFront) {
        cloud.rules = (request) => this.answer(request);
    }

    static async start(tls: ServerCertificate): Promise<FakeArtifactRegistry> {
        return new FakeArtifactRegistry(await CloudFront.start(tls));
    }

    private async answer(request: CloudRequest): Promise<CloudReply | undefined> {
        const { method, path, repository, basic, token } = request;
        const { cloud } = this;
        if (path === "/v2/token") {
            if (basic === undefined || this.accounts.get(basic.username) !== basic.password) {
                return fault(401, "UNAUTHORIZED", "authentication failed");
            }
            return { status: 200, body: JSON.stringify({ token: cloud.grant(request, () => true), expires_in: 300 }) };
        }
        const isAllowed = repository === undefined ? cloud.mint.read(token ?? "") : this.allows(request);
        if (isAllowed === undefined || isAllowed === false) {
            const challenge = `Bearer realm="https://${cloud.host}/v2/token",service="${cloud.host}"`;
            return fault(401, "UNAUTHORIZED", "authentication required", { "www-authenticate": challenge });
        }
        const [project = "", name = ""] = repository?.split("/") ?? [];
        if (repository !== undefined && !this.repositories.has(`${project}/${name}`)) {
            return fault(404, "NAME_UNKNOWN", `Repository "${name}" not found`);
        }
        const digest = /\/manifests\/(sha256:[0-9a-f]+)$/.exec(path)?.[1];
        const isTagged = async () => (await cloud.tagsOf(repository ?? "", digest ?? "")).length > 0;
        if (method === "DELETE" && digest !== undefined && (await isTagged())) {
            return fault(400, "GOOGLE_MANIFEST_DANGLING_TAG", "Manifest is still referenced by one or more tags");
        }
        return undefined;
    }

    private allows({ method, repository = "", token = "" }: CloudRequest): boolean {
        return this.cloud.mint.allows(token, repository, method === "GET" || method === "HEAD" ? "pull" : "push");
    }
}
