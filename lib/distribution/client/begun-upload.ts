import type { Digest } from "../../oci/digest";
import type { HttpResponse } from "../http/transport";
import type { RegistryCalls } from "./registry-calls";
import type { RegistryRequest } from "./registry-session";
import { pushScopes } from "./request-scopes";
import { responseError } from "./response-errors";

/** An upload that was begun, as the registry answered. */
export interface BegunUpload {
    /** What was asked, after redirects. */
    readonly asked: URL;
    /** The header Location as it came. */
    readonly written: string;
    /** The same, resolved. */
    readonly location: URL;
}

/** The request that begins an upload (distribution-spec, "Pushing a blob monolithically"), or mounts the blob. */
export function uploadRequest(
    calls: RegistryCalls,
    repository: string,
    mount?: { readonly digest: Digest; readonly from: string },
): RegistryRequest {
    const query = mount === undefined ? "" : `?mount=${mount.digest}&from=${encodeURIComponent(mount.from)}`;
    return {
        ...calls.write("POST", repository, `blobs/uploads/${query}`),
        scopes: pushScopes(repository, mount?.from),
        headers: { "content-length": "0" },
    };
}

/**
 * Where the bytes of an upload go.
 * @param text body of the response
 * @throws RegistryError if no upload was begun
 */
export function readBegunUpload({ session }: RegistryCalls, response: HttpResponse, text: string): BegunUpload {
    const { status, headers, context, url: asked } = response;
    const { location: written } = headers;
    if (status !== 202 || typeof written !== "string") throw responseError(response, text);
    return { asked, written, location: session.namedUrl(context, "an upload URL", written, asked) };
}
