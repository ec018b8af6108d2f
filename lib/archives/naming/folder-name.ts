import { type Reference, canonicalRegistry, tryParseReference } from "../../oci/reference";

/** Endings of files and of copies, which folders may have: no top-level domain of a registry. */
const FILE_ENDINGS: ReadonlySet<string> = new Set(
    "tar tgz tzst gz zst xz zip oci dir layout bak backup old orig copy tmp temp new part git".split(" "),
);

/**
 * The names that the folders of an image may say: `quay.io/team/app` below any others, as `skopeo sync --scoped` writes
 * them and people do with `ocidir://`. With one folder that can be a registry's host there is one; with two, as in
 * `site-a.lab/quay.io/team/app`, either may be the host.
 * @param folder below what was given; its last part may have a tag or a digest
 * @param suffix `:<tag>` or `@<digest>`, where the folder has none
 */
export function folderReferences(folder: string, suffix = ""): Reference[] {
    const parts = folder.split("/");
    return parts
        .slice(0, -1)
        .flatMap((part, at) => (isHost(part) ? [`${parts.slice(at).join("/")}${suffix}`] : []))
        .flatMap((text) => tryParseReference(text) ?? []);
}

/** `2026.11`, `v1.2` and `app.bak` are folders; a host ends with letters, or has a port, or is an address. */
function isHost(part: string): boolean {
    if (canonicalRegistry(part) === undefined) return false;
    if (part.includes(":") || part.toLowerCase() === "localhost" || /^\d{1,3}(\.\d{1,3}){3}$/.test(part)) return true;
    const ending = /\.([a-z][a-z0-9-]*[a-z0-9])$/i.exec(part)?.[1]?.toLowerCase();
    return ending !== undefined && !FILE_ENDINGS.has(ending);
}
