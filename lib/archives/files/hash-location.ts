import { createHash } from "node:crypto";
import type { Digest } from "../../oci/digest";
import { ArchiveSource, type BlobLocation } from "./archive-source";

/** The digest of the bytes at a place, read once. @throws ArchiveError */
export async function hashLocation(location: BlobLocation, entry: string | undefined): Promise<Digest> {
    const source = new ArchiveSource(location.file.path, new Map([["", location]]), () => entry);
    const hash = createHash("sha256");
    for await (const chunk of source.open("")) hash.update(chunk as Buffer);
    return `sha256:${hash.digest("hex")}`;
}
