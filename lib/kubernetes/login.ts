import { errorMessage } from "../errors/errors";
import { type Credentials, basicAuthorization } from "../http/credentials";
import { ClusterError } from "./cluster-error";
import { type ExecCredential, runExecPlugin } from "./exec-plugin";
import type { Kubeconfig } from "./kubeconfig";
import type { ClientLimits } from "./limits";
import { LoginError } from "./login-error";
import { type OidcSession, oidcSession } from "./oidc";
import type { Login } from "./transport";

const EXEC_FIX =
    "log in with kubectl and the same kubeconfig first (kubectl get --raw /version), or use an account with a token or a " +
    "client certificate";

/** Logs in as a kubeconfig says, again when what was issued expires or is rejected. */
export class ClusterLogin {
    private known: Promise<Login> | undefined;
    private expires = Infinity;
    private readonly secrets = new Set<string>();
    private readonly oidc: OidcSession | undefined;

    constructor(
        private readonly kubeconfig: Kubeconfig,
        private readonly limits: ClientLimits,
        private readonly signal: AbortSignal | undefined,
    ) {
        const { oidc } = kubeconfig.user;
        this.oidc = oidc && oidcSession(oidc);
    }

    /** Secrets that are not in the kubeconfig, such as what was issued in this process: for redaction. */
    get issued(): readonly string[] {
        return [...this.secrets, ...(this.oidc?.issued ?? [])];
    }

    /** True if another login may be accepted where this one was rejected. */
    get isRenewable(): boolean {
        return this.kubeconfig.user.exec !== undefined;
    }

    /** @throws ClusterError `CLUSTER_LOGIN_REJECTED`; the signal's reason */
    async current(): Promise<Login> {
        if (Date.now() >= this.expires) this.forget();
        this.known ??= this.logIn();
        try {
            return await this.known;
        } catch (error) {
            this.forget();
            throw error;
        }
    }

    /** The next request logs in anew. */
    forget(): void {
        this.known = undefined;
        this.expires = Infinity;
    }

    private async logIn(): Promise<Login> {
        const { user } = this.kubeconfig;
        const issued = await this.issue();
        const token = user.token ?? issued.token;
        const clientCertificate = issued.clientCertificate ?? user.clientCertificate;
        for (const secret of [issued.token, issued.clientCertificate?.key]) {
            if (secret !== undefined) this.secrets.add(secret);
        }
        this.expires = issued.expires ?? Infinity;
        return {
            headers: { ...user.impersonation, ...authorization(token, user.basic) },
            ...(clientCertificate === undefined ? {} : { clientCertificate }),
        };
    }

    private async issue(): Promise<ExecCredential> {
        const { server, user } = this.kubeconfig;
        try {
            if (user.exec !== undefined) {
                return await runExecPlugin(user.exec, this.kubeconfig, this.limits.loginTimeout, this.signal);
            }
            return (await this.oidc?.current(this.limits, this.signal)) ?? {};
        } catch (error) {
            this.signal?.throwIfAborted();
            throw new ClusterError(errorMessage(error), {
                ...{ server, code: "CLUSTER_LOGIN_REJECTED", operation: "login" },
                fix: error instanceof LoginError ? error.fix : (user.exec?.installHint ?? EXEC_FIX),
            });
        }
    }
}

function authorization(token: string | undefined, basic: Credentials | undefined): Record<string, string> {
    if (token !== undefined) return { authorization: `Bearer ${token}` };
    if (basic === undefined) return {};
    return { authorization: basicAuthorization(basic) };
}
