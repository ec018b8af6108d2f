import { ERROR_CODES, type ErrorCode } from "./codes";
import { toProblem } from "./errors";
import type { Problem } from "./problem";

/**
 * Who can do something about a failure: nobody has to, for it may be over later (`temporary`); whoever brings archives
 * (`content`); whoever sets the site up: its configuration, certificates and accounts (`setup`); anybody else (`other`).
 */
export type FailureKind = "temporary" | "content" | "setup" | "other";

const GROUP_KINDS: Readonly<Record<keyof typeof ERROR_CODES, FailureKind>> = {
    archives: "content",
    names: "setup",
    registry: "other",
    network: "setup",
    cluster: "other",
    hosts: "setup",
    configuration: "setup",
    accounts: "setup",
    validation: "other",
    stack: "other",
};

/** Codes of another kind than the rest of their group. */
const CODE_KINDS: Readonly<Partial<Record<ErrorCode, FailureKind>>> = {
    ABORTED: "other",
    CLUSTER_CHANGED: "temporary",
    CLUSTER_CONFLICT: "temporary",
    CLUSTER_FORBIDDEN: "setup",
    CLUSTER_LOGIN_REJECTED: "setup",
    CLUSTER_OBJECT_EXISTS: "setup",
    CLUSTER_REMOVAL_REFUSED: "setup",
    CLUSTER_SERVER_ERROR: "temporary",
    CLUSTER_TLS: "setup",
    CLUSTER_UNREACHABLE: "temporary",
    DATABASE_LOCKED: "temporary",
    HOST_COMMAND_FAILED: "other",
    HOST_CONNECTION_LOST: "temporary",
    HOST_UNREACHABLE: "temporary",
    INSTALLER_FAILED: "other",
    IMAGES_UNREADABLE: "temporary",
    KUBECONFIG_INVALID: "setup",
    METRICS_UNWRITABLE: "setup",
    NETWORK: "temporary",
    OLD_RULES_INVALID: "setup",
    REGISTRY_READ_ONLY: "temporary",
    REGISTRY_UNHEALTHY: "temporary",
    ROLLOUT_TIMEOUT: "temporary",
    SERVER_ERROR: "temporary",
    STACK_MISMATCH: "setup",
    TIMEOUT: "temporary",
    TOOMANYREQUESTS: "temporary",
    TRUST_EXISTS: "setup",
};

const KINDS: ReadonlyMap<string, FailureKind> = new Map(
    Object.entries(ERROR_CODES).flatMap(([group, codes]) =>
        (codes as readonly ErrorCode[]).map((code) => [
            code,
            CODE_KINDS[code] ?? GROUP_KINDS[group as keyof typeof ERROR_CODES],
        ]),
    ),
);

/**
 * The kind that all of these codes have; `other` if they have several, if there is none, or if one is unknown. What was
 * not tried because of another error says nothing.
 */
export function failureKind(codes: readonly string[]): FailureKind {
    const kinds = new Set(codes.filter((code) => code !== "NOT_TRIED").map((code) => KINDS.get(code) ?? "other"));
    const [kind, ...more] = kinds;
    return kind === undefined || more.length > 0 ? "other" : kind;
}

/** The codes of the causes of a problem: of those that it sums up, else its own. */
export function causeCodes({ code, problems = [] }: Problem): ErrorCode[] {
    return problems.length === 0 ? [code] : problems.flatMap(({ problem }) => causeCodes(problem));
}

/** The same of anything thrown. */
export function errorCodes(error: unknown): ErrorCode[] {
    return causeCodes(toProblem(error));
}
