import type { ServerCertificate } from "../certificates";
import { CloudFront, type CloudReply, type CloudRequest, fault } from "./cloud-front";

/**
 * Amazon ECR as its documentation describes it (pages of docs.aws.amazon.com/AmazonECR/latest):
 *
 * - The user name is AWS, the password ends after 12 hours (`userguide/registry_auth.html`); it is sent with Basic.
 * - A password that has ended is denied (aws/aws-cli#6580 has the text).
 * - A repository must be created before the first push (`userguide/Repositories.html`); requests about others get
 *   NAME_UNKNOWN with the text of RepositoryNotFoundException.
 * - What name it may have: `APIReference/API_CreateRepository.html`.
 */
export class FakeEcr {
    password = "ZWNyLXRva2VuLWNhbmFyeQ==";
    isExpired = false;
    private readonly repositories = new Set<string>();

    private constructor(readonly cloud: CloudFront) {
        cloud.rules = (request) => this.answer(request);
    }

    static async start(tls: ServerCertificate): Promise<FakeEcr> {
        return new FakeEcr(await CloudFront.start(tls));
    }

    /** `aws ecr create-repository --repository-name` */
    create(name: string): void {
        const isName = /^(?:[a-z0-9]+(?:[._-][a-z0-9]+)*\/)*[a-z0-9]+(?:[._-][a-z0-9]+)*$/.test(name);
        if (!isName || name.length > 256) throw new Error(`InvalidParameterException: ${name}`);
        this.repositories.add(name);
        this.cloud.empty.add(name);
    }

    private answer({ basic, repository }: CloudRequest): CloudReply | undefined {
        if (basic?.username !== "AWS" || basic.password !== this.password) {
            const challenge = `Basic realm="https://${this.cloud.host}/",service="ecr.amazonaws.com"`;
            return { status: 401, headers: { "www-authenticate": challenge } };
        }
        if (this.isExpired) {
            return fault(403, "DENIED", "Your authorization token has expired. Reauthenticate and try again.");
        }
        if (repository === undefined || this.repositories.has(repository)) return undefined;
        const registry = "the registry with id '123456789012'";
        return fault(404, "NAME_UNKNOWN", `The repository with name '${repository}' does not exist in ${registry}`);
    }
}
