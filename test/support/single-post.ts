import { computeDigest } from "../../lib/oci/digest";
import type { Reply } from "./http-server";
import type { RegistryProcess } from "./registry-process";
import { registryError } from "./quay/reply";

/** The digest that a POST of an upload has in its query: registries like Quay take the bytes of the blob with it then. */
export function postedDigest(method: string, url: string): string | undefined {
    const [, query] = method === "POST" ? (/^\/v2\/.+\/blobs\/uploads\/\?(.*)$/.exec(url) ?? []) : [];
    const parameters = new URLSearchParams(query);
    // A mount comes first, and is an upload without bytes if it is refused.
    return parameters.has("mount") ? undefined : (parameters.get("digest") ?? undefined);
}

/**
 * Stores a blob with one request as Quay does (endpoints/v2/blob.py, `start_blob_upload`): the registry behind, which does
 * not take it so, gets it in two.
 * @param address of the one in front, for Location
 */
export async function storePosted(
    { registry, address }: { readonly registry: Pick<RegistryProcess, "port">; readonly address: string },
    url: string,
    digest: string,
    body: Buffer,
): Promise<Reply> {
    if (computeDigest(body) !== digest) return registryError(400, "BLOB_UPLOAD_INVALID", "blob upload invalid");
    const { pathname } = new URL(url, address);
    const behind = `http://127.0.0.1:${registry.port}`;
    const begun = await fetch(new URL(pathname, behind), { method: "POST" });
    const place = new URL(begun.headers.get("location") ?? "", behind);
    const at = new URL(`${place.pathname}${place.search}&digest=${digest}`, behind);
    const stored = await fetch(at, { method: "PUT", body });
    if (stored.status !== 201) throw new Error(`the registry behind answers ${stored.status} to a blob`);
    const location = `${address}${pathname.replace(/uploads\/$/, digest)}`;
    return { status: 201, headers: { "docker-content-digest": digest, location } };
}
