import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Digest } from "../../../lib/oci/digest";

/** What lies in the storage of a distribution registry (registry/storage/paths.go), read behind its back. */
export class RegistryStorage {
    /** @param root the folder that has `blobs` and `repositories` */
    constructor(private readonly root: string) {}

    blobFile(digest: Digest): string {
        const hex = digest.slice("sha256:".length);
        return join(this.root, "blobs", "sha256", hex.slice(0, 2), hex, "data");
    }

    /** Every blob and manifest that is stored. */
    digests(): Digest[] {
        const folder = join(this.root, "blobs", "sha256");
        const found = list(folder).flatMap((prefix) => list(join(folder, prefix)));
        return found.map((hex) => `sha256:${hex}`).filter((digest) => existsSync(this.blobFile(digest)));
    }

    /** Those whose bytes are not what their name says. */
    wrong(): Digest[] {
        const hashFile = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");
        return this.digests().filter((digest) => `sha256:${hashFile(this.blobFile(digest))}` !== digest);
    }

    /** `<repository> <digest>` of every blob that a repository has: nobody needs to send it there again. */
    held(): Set<string> {
        const held = new Set<string>();
        for (const repository of this.repositories()) {
            const layers = join(this.root, "repositories", repository, "_layers", "sha256");
            for (const hex of list(layers)) {
                const isLinked = existsSync(join(layers, hex, "link"));
                if (isLinked && existsSync(this.blobFile(`sha256:${hex}`))) held.add(`${repository} sha256:${hex}`);
            }
        }
        return held;
    }

    /** Uploads that neither ended nor were given up: their bytes. */
    openUploads(): number[] {
        const folders = this.repositories().map((repository) =>
            join(this.root, "repositories", repository, "_uploads"),
        );
        const files = folders.flatMap((folder) => list(folder).map((id) => join(folder, id, "data")));
        // The folder of one that has ended may be there again: distribution writes the state of its hash when it closes it.
        return files.flatMap((file) => statSync(file, { throwIfNoEntry: false })?.size ?? []);
    }

    /** Bytes of uploads that neither ended nor were given up. */
    openUploadBytes(): number {
        return this.openUploads().reduce((sum, bytes) => sum + bytes, 0);
    }

    /** Forgets everything; the registry keeps nothing of it in memory. */
    wipe(): void {
        for (const name of ["blobs", "repositories"]) rmSync(join(this.root, name), { recursive: true, force: true });
    }

    private repositories(): string[] {
        const root = join(this.root, "repositories");
        const below = (path: string): string[] =>
            list(join(root, path)).flatMap((name) => {
                if (name.startsWith("_")) return [path];
                return below(path === "" ? name : `${path}/${name}`);
            });
        return [...new Set(below(""))];
    }
}

function list(folder: string): string[] {
    return existsSync(folder) ? readdirSync(folder) : [];
}
