import type { ErrorCode } from "../errors/codes";
import { oneLine, parseJson } from "../errors/text";
import { ClusterError } from "./cluster-error";
import { type Fields, isFields, mappingField, textField } from "./kubeconfig-document";
import type { ApiRequest, ApiResponse } from "./transport";

/** An error as the API reports it (kind Status of v1). */
export interface ApiStatus {
    readonly reason: string;
    readonly message: string;
    /** Of the object that it is about; absent: it is about none. */
    readonly name?: string;
    /** Plural, of that object: `namespaces`. */
    readonly kind?: string;
    readonly causes: readonly string[];
}

/** @returns undefined if the body is no Status of an error: something else than the API responded */
export function parseStatus(text: string): ApiStatus | undefined {
    const body = parseJson(text);
    if (!isFields(body) || body["kind"] !== "Status" || body["apiVersion"] !== "v1") return undefined;
    const details = mappingField(body, "details") ?? {};
    const causes = Array.isArray(details["causes"]) ? details["causes"].filter(isFields) : [];
    const [name, kind] = [textField(details, "name"), textField(details, "kind")];
    return {
        reason: textField(body, "reason") ?? "",
        message: textField(body, "message") ?? "",
        ...(name === undefined ? {} : { name }),
        ...(kind === undefined ? {} : { kind }),
        causes: causes.map(formatCause),
    };
}

function formatCause(cause: Fields): string {
    const [field, message] = ["field", "message"].map((name) => textField(cause, name));
    return [field, message].filter((part) => part !== undefined).join(": ");
}

const RIGHTS_FIX =
    "give the account this right: `passthrough render` writes the roles that it needs, and docs/how-to/cluster-access.md says how to bind them";
const LOGIN_FIX =
    "renew the account's token, certificate or login in the kubeconfig, and check that its context is for this cluster";
const NO_API = "check that the server in the kubeconfig is the API of a Kubernetes cluster, and what is in front of it";
const INVALID_FIX =
    "set cluster.version to the version of the cluster: a field that its API does not know is one of another version";

const POLICY_FIX =
    "change that policy of the cluster, or let it except the object; its administrators know what it is for";

/**
 * What refuses an object in the name of a policy: a webhook (apiserver, plugin/webhook/errors/statuserror.go) or the API
 * server itself (plugin/policy/validating/dispatcher.go). Either chooses the status: a ValidatingAdmissionPolicy 403, 413 or
 * 422, a webhook any, and 400 if it says none.
 */
const POLICY_REFUSAL =
    /admission webhook "[^"]*" denied the request|ValidatingAdmissionPolicy '[^']*' with binding '[^']*' denied request/;

/**
 * What an admission plugin of the API server refuses (a quota, PodSecurity, the growth of a volume) is forbidden by what it says;
 * for a right that is missing it says who lacks it: "User "x" cannot patch resource" (apiserver, responsewriters/errors.go).
 */
const ADMISSION = / is forbidden: (?!User )/;
const ADMISSION_FIX =
    "the account has the right, and the cluster does not take the object: change what the message names, there or in the site";

interface Meaning {
    readonly code: ErrorCode;
    readonly problem: string;
    readonly fix: string;
}

/** The error for a response that is no success. */
export function statusError(request: ApiRequest, response: ApiResponse): ClusterError {
    const { server, operation } = request;
    const { status } = response;
    const retryAfter = retryAfterSeconds(response.headers["retry-after"]);
    const found = parseStatus(response.text);
    const { code, problem, fix } =
        found === undefined ? withoutStatus(status, response) : meaning(request, status, found);
    return new ClusterError(problem, { server, operation, status, retryAfter, code, fix });
}

/** @returns undefined for a date, or an absent header: the usual waits apply */
export function retryAfterSeconds(header: string | undefined): number | undefined {
    return header !== undefined && /^\d{1,6}$/.test(header.trim()) ? Number(header) : undefined;
}

function meaning({ method }: ApiRequest, status: number, found: ApiStatus): Meaning {
    const { reason, message, causes } = found;
    const said = oneLine(message === "" ? reason : message);
    const all = causes.length > 1 ? `${said} (${causes.map(oneLine).join("; ")})` : said;
    if (status < 500 && POLICY_REFUSAL.test(message)) {
        return { code: "CLUSTER_INVALID", problem: said, fix: POLICY_FIX };
    }
    if (status === 401) return rejectedLogin("the API server rejected the login");
    if (status === 403) return forbidden(said);
    if (status === 409) return conflict(reason, said);
    if (status === 404 && method === "POST") return { code: "CLUSTER_INVALID", problem: said, fix: creationFix(found) };
    if (status === 400 || status === 422) return { code: "CLUSTER_INVALID", problem: all, fix: INVALID_FIX };
    if (status === 429 || status >= 500) return serverError(said);
    return { code: "CLUSTER_RESPONSE_UNKNOWN", problem: `${status} ${reason}: ${said}`, fix: NO_API };
}

/** What an object belongs to, as a rule its namespace, does not exist. */
function creationFix({ kind, name }: ApiStatus): string {
    const what = kind === undefined || name === undefined ? "what it names" : oneLine(`${kind}/${name}`);
    return `create ${what} in the cluster, then run again`;
}

function rejectedLogin(problem: string): Meaning {
    return { code: "CLUSTER_LOGIN_REJECTED", problem, fix: LOGIN_FIX };
}

/** Who shows no credentials is anonymous to Kubernetes, which then misses a right. */
function forbidden(message: string): Meaning {
    if (message.includes('"system:anonymous"'))
        return rejectedLogin(`the kubeconfig has no credentials that the API server reads: ${message}`);
    return { code: "CLUSTER_FORBIDDEN", problem: message, fix: ADMISSION.test(message) ? ADMISSION_FIX : RIGHTS_FIX };
}

function conflict(reason: string, problem: string): Meaning {
    return reason === "AlreadyExists"
        ? { code: "CLUSTER_OBJECT_EXISTS", problem, fix: "set cluster.adopt: true to take it over, or remove it" }
        : { code: "CLUSTER_CONFLICT", problem, fix: "run again: somebody has changed the object since it was read" };
}

function serverError(problem: string): Meaning {
    return {
        code: "CLUSTER_SERVER_ERROR",
        problem,
        fix: "run again when the API server is healthy (oc get clusteroperators, oc get --raw /readyz?verbose)",
    };
}

function withoutStatus(status: number, { headers, text }: ApiResponse): Meaning {
    // Load balancers report in their own words that the API is away.
    if (status === 429 || status >= 500) return serverError(`${status} without a Status of the API`);
    if (status === 401) return rejectedLogin("the login was rejected");
    const type = headers["content-type"] ?? "no content type";
    const problem = `${status}, ${oneLine(type)}, ${text.length} characters: not a response of the Kubernetes API`;
    return { code: "CLUSTER_RESPONSE_UNKNOWN", problem, fix: NO_API };
}
