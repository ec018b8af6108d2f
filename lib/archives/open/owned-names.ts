import type { ArchiveRoot, RootKind } from "./archive-root";

/** Names below the folder that an archive of a kind begins at, as its format or the tools that write it define them. */
const OWN: Readonly<Record<RootKind, RegExp>> = {
    // A copy that was broken off leaves `oci-put-blob…` (containers/image) or files in `ingest/` (containerd, oras).
    "oci-layout": /^(?:oci-layout|index\.json|oci-put-blob\d+|blobs\/[^/.]+\/[^/.]+|ingest\/.+)$/,
    "docker-archive":
        /^(?:oci-layout|index\.json|manifest\.json|repositories|blobs\/[^/.]+\/[^/.]+|ingest\/.+|[0-9a-f]{64}\/(?:json|VERSION|layer\.tar)|(?:sha256:)?[0-9a-f]{64}(?:\.json|\.tar|\.tar\.gz)?)$/,
    dir: /^(?:version|manifest\.json|signature-\d+|dir-put-blob\d+|(?:[a-z0-9]+-)?[0-9a-f]{64,128}(?:\.manifest\.json)?)$/,
    // Beside the images, the mapping and the objects of a catalog, and the signatures of a release.
    "oc-image-mirror":
        /^(?:v2\/.+|(?:[^/]+\/)?(?:mapping\.txt|catalogSource[^/]*\.yaml|image(?:ContentSourcePolicy|DigestMirrorSet)[^/]*\.yaml)|config\/signature-[^/]+\.(?:ya?ml|json))$/,
};

/** Folders below it in which no other archive begins. */
const OWN_FOLDERS: Readonly<Record<RootKind, RegExp>> = {
    "oci-layout": /^(?:blobs|ingest)\//,
    "docker-archive": /^(?:blobs|ingest|[0-9a-f]{64})\//,
    dir: /^$/,
    "oc-image-mirror": /^v2\//,
};

/** What a Zarf package has beside the layout in `images/` (zarf, src/pkg/packager/layout/layout.go). */
const ZARF =
    /^(?:zarf\.yaml|zarf\.gen\.yaml|zarf\.yaml\.sig|zarf\.bundle\.sig|checksums\.txt|values\.yaml|values\.schema\.json|sboms\.tar|documentation\.tar|(?:components|zarf-sbom|sboms)\/.+)$/;
const ZARF_FOLDERS = /^(?:components|zarf-sbom|sboms)\//;
/** Where the layout of a Zarf package is. */
export const ZARF_IMAGES = "images/";

/** True for a folder that is part of an archive: what begins there is no archive of its own. Paths are of the tree. */
export function ownsFolder(root: ArchiveRoot, folder: string): boolean {
    const rest = below(root.prefix, folder);
    if (rest !== undefined && OWN_FOLDERS[root.kind].test(rest)) return true;
    const inPackage = root.isZarf ? below(zarfPackageFolder(root.prefix), folder) : undefined;
    return inPackage !== undefined && ZARF_FOLDERS.test(inPackage);
}

/** Tells the files of the archives in a tree from those that lie beside them. */
export class OwnedNames {
    /** By the folders in which files may be theirs: their own, and of a Zarf package the one above. */
    readonly #roots = new Map<string, ArchiveRoot[]>();
    readonly #referenced: ReadonlySet<string>;
    #folder: string | undefined;
    #owners: readonly ArchiveRoot[] = [];

    /** @param referenced names of the tree that an archive refers to, whatever they are */
    constructor(roots: readonly ArchiveRoot[], referenced: ReadonlySet<string>) {
        for (const root of roots) {
            const folders = root.isZarf ? [root.prefix, zarfPackageFolder(root.prefix)] : [root.prefix];
            for (const folder of folders) this.#roots.set(folder, [...(this.#roots.get(folder) ?? []), root]);
        }
        this.#referenced = referenced;
    }

    /** @param name of the tree; fastest where names of one folder come one after the other */
    has(name: string): boolean {
        const folder = name.slice(0, name.lastIndexOf("/") + 1);
        if (folder !== this.#folder) {
            this.#folder = folder;
            this.#owners = this.#findOwners(folder);
        }
        return this.#owners.some((root) => owns(root, name)) || this.#referenced.has(name);
    }

    #findOwners(folder: string): readonly ArchiveRoot[] {
        const parts = folder.split("/").slice(0, -1);
        const above = ["", ...parts.map((_, at) => `${parts.slice(0, at + 1).join("/")}/`)];
        return above.flatMap((prefix) => this.#roots.get(prefix) ?? []);
    }
}

function owns(root: ArchiveRoot, name: string): boolean {
    const rest = below(root.prefix, name);
    if (rest !== undefined && OWN[root.kind].test(rest)) return true;
    const inPackage = root.isZarf ? below(zarfPackageFolder(root.prefix), name) : undefined;
    return inPackage !== undefined && ZARF.test(inPackage);
}

/** The folder of a Zarf package, by that of its layout. */
export function zarfPackageFolder(images: string): string {
    return images.slice(0, -ZARF_IMAGES.length);
}

function below(prefix: string, name: string): string | undefined {
    return name.startsWith(prefix) ? name.slice(prefix.length) : undefined;
}
