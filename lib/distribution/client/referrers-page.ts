import type { Digest } from "../../oci/digest";
import { RegistryError } from "../../errors/errors";
import type { HttpResponse } from "../http/transport";
import { readManifest } from "./manifest-body";
import { foreignAbsence, lacksRoute, reportsUnsupported, responseError } from "./response-errors";
import { nextQuery } from "./tag-page";

/** One page of the referrers of a manifest, and the query of the next. */
export interface ReferrersPage {
    readonly referrers: readonly Digest[];
    readonly next?: string;
}

/**
 * Reads a response to `GET /v2/<name>/referrers/<digest>`; its `Link` names the next page (distribution-spec, "Listing
 * Referrers").
 * @returns undefined if the registry has no such API
 */
export async function readReferrersPage(response: HttpResponse): Promise<ReferrersPage | undefined> {
    const { status, context } = response;
    if (status !== 200) {
        const text = await response.text();
        // distribution has no such route; Quay responds 400 for a manifest that it does not know; olareg can turn it off.
        if (status === 400 || (status === 404 && lacksRoute(response, text))) return undefined;
        if (status === 405 && reportsUnsupported(text)) return undefined;
        throw status === 404 ? foreignAbsence(context) : responseError(response, text);
    }
    const referrers = (await readManifest(response)).manifests.map(({ digest }) => digest);
    const next = nextQuery(response);
    return next === undefined ? { referrers } : { referrers, next };
}

/** The error for pages that never end: what refers to the manifest is not known then. */
export function endlessReferrers({ host, operation }: { host: string; operation: string }): RegistryError {
    return new RegistryError("the pages of the list of referrers have no end", {
        registry: host,
        operation,
        code: "UNEXPECTED_RESPONSE",
        status: 200,
        fix: "check what stands in front of the registry",
    });
}
