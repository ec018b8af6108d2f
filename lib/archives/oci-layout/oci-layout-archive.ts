import { z } from "zod";
import { ArchiveError } from "../../oci/errors";
import { MAX_MANIFEST_BYTES, type Manifest, parseManifest } from "../../oci/manifest";
import { isIndexMediaType } from "../../oci/media-types";

/** A file at the root of an OCI layout and where it was found. */
export interface LayoutFile {
    readonly bytes: Buffer;
    /** For errors: `archive …, entry …, offset …`. */
    readonly place: { readonly archive: string; readonly entry?: string; readonly offset?: number };
}

const layoutFile = z.looseObject({ imageLayoutVersion: z.string() });

/** `index.json` and `oci-layout` may not be larger: they are read whole. */
export const MAX_LAYOUT_FILE_BYTES = MAX_MANIFEST_BYTES;

/**
 * Reads the entry points of an OCI layout (image-spec, image-layout.md).
 * @param marker the file `oci-layout`; stores that containerd shall load lack it
 * @throws ArchiveError `ARCHIVE_FORMAT_UNSUPPORTED`, `ARCHIVE_METADATA_INVALID`; PassthroughError `MANIFEST_INVALID`
 */
export function readLayoutIndex(index: LayoutFile, marker: LayoutFile | undefined): Manifest {
    if (marker !== undefined) checkVersion(marker);
    const { archive, entry, offset } = index.place;
    const inside = entry === undefined ? "" : `, entry ${entry}, offset ${offset ?? 0}`;
    const manifest = parseManifest(index.bytes, `archive ${archive}${inside}`);
    if (isIndexMediaType(manifest.mediaType)) return manifest;
    throw new ArchiveError("index.json is not an image index", { ...index.place, code: "ARCHIVE_METADATA_INVALID" });
}

function checkVersion(marker: LayoutFile): void {
    const version = versionOf(marker.bytes);
    if (version?.startsWith("1.") === true) return;
    const what = version === undefined ? "oci-layout does not give a version" : `OCI layout version ${version}`;
    const cure = "make the layout with a tool that writes version 1.0.0";
    throw new ArchiveError(what, { ...marker.place, code: "ARCHIVE_FORMAT_UNSUPPORTED", cure });
}

function versionOf(bytes: Buffer): string | undefined {
    try {
        return layoutFile.safeParse(JSON.parse(bytes.toString("utf8"))).data?.imageLayoutVersion;
    } catch {
        return undefined;
    }
}

/** @throws ArchiveError `ARCHIVE_TOO_LARGE` if a file that is read whole is too large for that */
export function checkLayoutFileSize(size: number, place: LayoutFile["place"]): void {
    if (size <= MAX_LAYOUT_FILE_BYTES) return;
    throw new ArchiveError(`${size} bytes are more than an index may have (${MAX_LAYOUT_FILE_BYTES})`, {
        ...place,
        code: "ARCHIVE_TOO_LARGE",
    });
}
