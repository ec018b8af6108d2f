import { errorMessage } from "../errors/errors";
import { ClusterError, type ClusterContext } from "./cluster-error";
import { TunnelError } from "./proxy";

const GIVE_CA =
    "set certificate-authority-data in the kubeconfig to the CA that issued the API server's certificate, and check that no " +
    "proxy breaks TLS open on the way";
/** By the code of Node.js (nodejs.org/api/tls.html, "X509 certificate error codes"). */
const UNTRUSTED: Readonly<Record<string, string>> = {
    CERT_HAS_EXPIRED: "renew the API server's certificate, or set the clock of this machine right",
    CERT_NOT_YET_VALID: "set the clock of this machine or of the cluster right",
    ERR_TLS_CERT_ALTNAME_INVALID:
        "use a host name that the certificate has in the server of the kubeconfig, or set tls-server-name there",
    DEPTH_ZERO_SELF_SIGNED_CERT: GIVE_CA,
    SELF_SIGNED_CERT_IN_CHAIN: GIVE_CA,
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: GIVE_CA,
    UNABLE_TO_GET_ISSUER_CERT_LOCALLY: GIVE_CA,
    UNABLE_TO_GET_ISSUER_CERT: GIVE_CA,
    CERT_SIGNATURE_FAILURE: GIVE_CA,
};
const HANDSHAKE =
    /^(EPROTO|ERR_SSL_.*|ERR_OSSL_.*|CERT_.*|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|UNSPECIFIED)$/;
const CERTIFICATE_ALERT =
    /_ALERT_(CERTIFICATE_REQUIRED|BAD_CERTIFICATE|CERTIFICATE_|UNSUPPORTED_CERT|UNKNOWN_CA|ACCESS_DENIED)/;
const PLAIN_TEXT = /wrong[_ ]version[_ ]number|packet[_ ]length[_ ]too[_ ]long/i;

/** The error for a request that got no response. */
export function connectionError(context: ClusterContext, error: unknown): ClusterError {
    const { server, operation } = context;
    const facts = { server, operation, cause: error };
    if (error instanceof TunnelError) {
        const fix =
            "check proxy-url in the kubeconfig, its account, and that the proxy allows connections to this host and port";
        return new ClusterError(error.message, { ...facts, code: "CLUSTER_UNREACHABLE", fix });
    }
    const { code: given } = error as { readonly code?: unknown };
    const code = typeof given === "string" ? given : "";
    const failed = (problem: string, fix: string) => new ClusterError(problem, { ...facts, code: "CLUSTER_TLS", fix });
    if (CERTIFICATE_ALERT.test(code)) {
        const fix =
            "give a client certificate in the kubeconfig that the API server's client CA issued and that has not expired";
        return new ClusterError(`the server rejected the client certificate, or asks for one (${code})`, {
            ...{ ...facts, code: "CLUSTER_LOGIN_REJECTED", fix },
        });
    }
    const fix = UNTRUSTED[code];
    if (fix !== undefined)
        return failed(`the TLS certificate cannot be trusted: ${errorMessage(error)} (${code})`, fix);
    if (PLAIN_TEXT.test(`${code} ${errorMessage(error)}`)) {
        return failed("the response is not TLS", "check the port of the server in the kubeconfig");
    }
    if (HANDSHAKE.test(code)) {
        return failed(
            `the TLS handshake failed: ${errorMessage(error)} (${code})`,
            "check the server in the kubeconfig",
        );
    }
    return new ClusterError(`no connection: ${code || errorMessage(error)}`, {
        ...{ ...facts, code: "CLUSTER_UNREACHABLE" },
        fix: "check the server in the kubeconfig, that its name can be resolved, and that its port can be reached from here",
    });
}
