import type { ErrorCode } from "../../errors/codes";
import { RegistryError, errorMessage } from "../../errors/errors";
import type { Digest } from "../../oci/digest";

/**
 * The URL that ends an upload (distribution-spec, "Pushing Blobs"): the digest is added, and the query that the registry
 * wrote is kept byte for byte, because some sign it.
 */
export function withDigest(location: URL, digest: Digest): URL {
    const url = new URL(location);
    const parameter = `digest=${encodeURIComponent(digest)}`;
    url.search = url.search === "" ? `?${parameter}` : `${url.search}&${parameter}`;
    return url;
}

/**
 * The URL that asks how far an upload has got. distribution's `_state` is that of before the bytes were sent, and it
 * rejects the question with it (416); everything else in the query is the registry's own and kept.
 */
export function withoutState(location: URL): URL {
    const url = new URL(location);
    const kept = url.search
        .slice(1)
        .split("&")
        .filter((parameter) => parameter !== "" && !parameter.startsWith("_state="));
    url.search = kept.join("&");
    return url;
}

/** What a wrong upload URL is fixed with. */
export const UPLOAD_URL_FIX =
    "let what stands in front of the registry pass the Host header with its port (nginx: proxy_set_header Host $http_host; " +
    "proxy_set_header X-Forwarded-Proto $scheme), or set the registry's own URL (distribution: http.host, REGISTRY_HTTP_HOST, " +
    "or http.relativeurls: true; Harbor: external_url; Quay: SERVER_HOSTNAME)";

/** "the registry names its upload URL at https://localhost (port 443), not at https://localhost:5000, where it was asked". */
export function uploadUrlProblem(asked: URL, location: URL): string {
    const port = location.port === "" ? ` (port ${location.protocol === "https:" ? 443 : 80})` : "";
    return `the registry names its upload URL at ${location.origin}${port}, not at ${asked.origin}, where it was asked`;
}

const ABOUT_PLACE: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["NETWORK", "TIMEOUT", "TLS", "NOT_A_REGISTRY"]);

/** Not of an upload that the registry has lost: another one is begun then. */
function isAboutPlace({ code, status }: RegistryError): boolean {
    return ABOUT_PLACE.has(code) || (code !== "BLOB_UPLOAD_UNKNOWN" && [401, 403, 404].includes(status ?? 0));
}

/**
 * Why bytes could not be sent to an upload URL of another origin: the request itself says only that nothing listens there,
 * or that the account is rejected, which is not sent to other origins.
 * @param asked origin of the registry
 */
export function explainUploadFailure(error: unknown, asked: URL, location: URL): unknown {
    if (!(error instanceof RegistryError) || location.origin === asked.origin) return error;
    if (!isAboutPlace(error)) return error;
    const { operation, status } = error;
    return new RegistryError(`${uploadUrlProblem(asked, location)}, and sending to it failed: ${errorMessage(error)}`, {
        registry: asked.host,
        operation,
        status,
        code: "UPLOAD_URL_UNREACHABLE",
        fix: UPLOAD_URL_FIX,
        cause: error,
    });
}
