import type { RegistryClient } from "../../distribution/client/registry-client";
import { explainUploadFailure, uploadUrlProblem } from "../../distribution/client/upload-url";
import { RegistryError } from "../../errors/errors";

/**
 * Begins an upload, compares where its bytes are to be sent with where the registry was asked, and gives it up.
 * @throws RegistryError `UPLOAD_URL_UNREACHABLE` if it is another origin that does not accept requests; `TLS` if it is
 * one without TLS; and others
 */
export async function checkUploadUrl(
    client: RegistryClient,
    repository: string,
): Promise<{ readonly detail: string; readonly notes: readonly string[] }> {
    const { probe } = client;
    const { asked, written, location } = await probe.beginUpload(repository);
    const form = URL.canParse(written) ? "absolute" : "relative";
    const detail = `${location.origin}${location.pathname.replace(/[^/]+$/, "…")}, ${form}`;
    if (location.origin === asked.origin && asked.origin === probe.origin.origin) {
        // The registry expires what cannot be given up.
        await client.uploads.cancel(repository, location);
        return { detail, notes: [] };
    }
    try {
        const status = await probe.cancelUpload(repository, location);
        // The account is sent to the registry's own origin only.
        if (status === 401 || status === 403) throw rejected(client.host, status);
    } catch (error) {
        throw explainUploadFailure(error, probe.origin, location);
    }
    return { detail, notes: [`${uploadUrlProblem(probe.origin, location)}; it accepts requests without the account`] };
}

function rejected(registry: string, status: 401 | 403): RegistryError {
    return new RegistryError("it asks for an account, which is sent to the registry's own origin only", {
        ...{ registry, status, code: "UNAUTHORIZED" },
        operation: "DELETE of an upload",
    });
}
