/**
 * Every code that an error, a problem of an image or a JSON document carries, in the groups of docs/troubleshooting.md.
 * Scripts test codes: renaming one breaks them.
 */
export const ERROR_CODES = {
    archives: [
        "ARCHIVE_BLOB_MISSING",
        "ARCHIVE_CLOSED",
        "ARCHIVE_CORRUPT",
        "ARCHIVE_DIGEST_MISMATCH",
        "ARCHIVE_DIGEST_UNSUPPORTED",
        "ARCHIVE_ENTRY_INVALID",
        "ARCHIVE_FORMAT_UNSUPPORTED",
        "ARCHIVE_INCOMPLETE",
        "ARCHIVE_LOCK_MISMATCH",
        "ARCHIVE_METADATA_INVALID",
        "ARCHIVE_NOT_FOUND",
        "ARCHIVE_NO_SPACE",
        "ARCHIVE_PARTS_MIXED",
        "ARCHIVE_SIZE_MISMATCH",
        "ARCHIVE_TOO_LARGE",
        "ARCHIVE_TRUNCATED",
        "ARCHIVE_UNREADABLE",
        "EARLIER_CONTENT_MISSING",
        "LOCK_CHANGED",
        "LOCK_INCOMPLETE",
        "LOCK_INVALID",
        "LOCK_NOT_FOUND",
        "LOCK_UNREADABLE",
        "LOCK_VERSION_UNKNOWN",
        "MANIFEST_SCHEMA1",
    ],
    names: [
        "ARCHIVE_NAMES_UNRESOLVED",
        "MIRROR_BASE_INVALID",
        "MIRROR_CONFLICT",
        "MIRROR_HOST_INVALID",
        "MIRROR_NAME_INVALID",
        "MIRROR_NAME_TOO_LONG",
        "OVERRIDE_INVALID",
        "REFERENCE_INVALID",
    ],
    registry: [
        "BLOB_COMPRESSED",
        "BLOB_MOUNT_REFUSED",
        "BLOB_SIZE_MISSING",
        "BLOB_UNKNOWN",
        "BLOB_UPLOAD_INVALID",
        "BLOB_UPLOAD_UNKNOWN",
        "CONFLICT",
        "CONTENT_TOO_LARGE",
        "DATABASE_LOCKED",
        "DIGEST_INVALID",
        "DIGEST_MISMATCH",
        "DISK_FULL",
        "FOREIGN_LAYERS_REJECTED",
        "INVALID_REQUEST",
        "MANIFEST_BLOB_UNKNOWN",
        "MANIFEST_INVALID",
        "MANIFEST_UNKNOWN",
        "NAMESPACE_EXISTS",
        "NAMESPACE_NOT_EMPTY",
        "NAME_INVALID",
        "NAME_UNKNOWN",
        "NOT_A_REGISTRY",
        "NOT_FOUND",
        "NOT_TRIED",
        "PRECONDITION_FAILED",
        "PROXY_CACHE_PROJECT",
        "RANGE_INVALID",
        "REGISTRY_FEATURE_DISABLED",
        "REGISTRY_READ_ONLY",
        "REGISTRY_UNHEALTHY",
        "REGISTRY_VERSION_UNSUPPORTED",
        "REMOVAL_FAILED",
        "REPOSITORIES_MISSING",
        "SERVER_ERROR",
        "SIZE_INVALID",
        "SIZE_MISMATCH",
        "TAG_MISMATCH",
        "TOOMANYREQUESTS",
        "UNEXPECTED_RESPONSE",
        "UNSUPPORTED",
        "UPLOAD_URL_UNREACHABLE",
    ],
    network: [
        "ABORTED",
        "CLIENT_CERTIFICATE_REJECTED",
        "CLIENT_CERTIFICATE_REQUIRED",
        "NETWORK",
        "PROXY_FAILED",
        "PROXY_REJECTED",
        "TIMEOUT",
        "TLS",
    ],
    cluster: [
        "CLUSTER_CONFLICT",
        "CLUSTER_FORBIDDEN",
        "CLUSTER_INVALID",
        "CLUSTER_KIND_MISSING",
        "CLUSTER_LOGIN_REJECTED",
        "CLUSTER_OBJECT_EXISTS",
        "CLUSTER_RESPONSE_UNKNOWN",
        "CLUSTER_SERVER_ERROR",
        "CLUSTER_TLS",
        "CLUSTER_UNREACHABLE",
        "KUBECONFIG_INVALID",
    ],
    configuration: [
        "CLUSTER_VERSION_INVALID",
        "CONFIG_INVALID",
        "ENVIRONMENT_UNSAFE",
        "KUBERNETES_FILE_INVALID",
        "MIRROR_BLOCKED",
        "MIRROR_KINDS_CONFLICT",
        "MIRROR_POLICY_CONFLICT",
        "MIRROR_RULE_INVALID",
        "REGISTRIES_CONF_INVALID",
        "STACK_FILE_INVALID",
    ],
    accounts: [
        "AUTH_FILE_INVALID",
        "CREDENTIAL_HELPER_FAILED",
        "DENIED",
        "NO_CREDENTIALS",
        "ROBOT_NAMES_TAKEN",
        "TOKENS_REJECTED",
        "TOKEN_URL_UNREACHABLE",
        "UNAUTHORIZED",
        "UPLOADS_REFUSED",
    ],
    validation: [
        "IMAGES_UNREADABLE",
        "NOT_REDIRECTED",
        "REFERRER_UNLISTED",
        "SELFTEST_IMAGE_LEFT",
        "SELFTEST_MISMATCH",
        "SELFTEST_MISSING",
        "SELFTEST_NO_RULE",
        "SELFTEST_RULE_MISMATCH",
        "VALIDATION_FAILED",
    ],
    stack: [
        "BASELINE_INVALID",
        "IMAGE_LIST_INVALID",
        "INTERNAL_ERROR",
        "METRICS_UNWRITABLE",
        "STACK_CONFIG_UNAVAILABLE",
        "STACK_MISMATCH",
        "STACK_OUTPUTS_UNAVAILABLE",
        "STACK_STATE_UNAVAILABLE",
    ],
} as const;

export type ErrorCode = (typeof ERROR_CODES)[keyof typeof ERROR_CODES][number];

/**
 * Codes that a registry's response may set: those of distribution-spec, "Error Codes", and of vendors where this program
 * does something about them. Everything else that a registry sends is kept apart (`registryCode`), so that no response
 * can pass for an error of this program.
 */
const RESPONSE_CODES: readonly ErrorCode[] = [
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "DENIED",
    "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "SIZE_INVALID",
    "TOOMANYREQUESTS",
    "UNAUTHORIZED",
    "UNSUPPORTED",
    // Quay: a token scope that it cannot read.
    "INVALID_REQUEST",
];

const STATUS_CODES: Readonly<Record<number, ErrorCode>> = {
    400: "INVALID_REQUEST",
    401: "UNAUTHORIZED",
    403: "DENIED",
    404: "NOT_FOUND",
    405: "UNSUPPORTED",
    409: "CONFLICT",
    412: "PRECONDITION_FAILED",
    413: "CONTENT_TOO_LARGE",
    416: "RANGE_INVALID",
    422: "INVALID_REQUEST",
    429: "TOOMANYREQUESTS",
};

/** What an HTTP status means by itself. */
export function statusCode(status: number): ErrorCode {
    return STATUS_CODES[status] ?? (status >= 500 ? "SERVER_ERROR" : "UNEXPECTED_RESPONSE");
}

/** The code of an error response, and the registry's own code where that is not one of `RESPONSE_CODES`. */
export function responseCode(
    status: number,
    given: string | undefined,
): { readonly code: ErrorCode; readonly registryCode?: string } {
    const known = RESPONSE_CODES.find((code) => code === given);
    if (known !== undefined) return { code: known };
    const code = statusCode(status);
    return given === undefined || given === code ? { code } : { code, registryCode: given };
}
