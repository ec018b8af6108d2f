import type { RegistryClient } from "../../distribution/client/registry-client";
import { type BuiltImage, type LayerFile, NOBODY, type TarLayer, USERS, buildImage, tarLayer } from "../../image-build";
import { computeDigest } from "../../oci/digest";
import { pushBlobs } from "../../passthrough/push-blobs";
import type { ImportRequest } from "../request";
import { LIBRARIES, NODE, nodeFiles } from "./node-files";
import { PROGRAM_ENTRY, programFiles } from "./program-files";

/** Folders in the image. */
const PROGRAM = "opt/registry-passthrough";
const REQUEST = "import";

/** What the image runs; options follow. */
export const IMPORTER_COMMAND = [`/${NODE}`, `/${PROGRAM}/${PROGRAM_ENTRY}`, `/${REQUEST}`] as const;

/** Values of `process.arch` that images name otherwise (Go's GOARCH). */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", ppc64: "ppc64le" };

/**
 * Makes the image of an import: Node.js with its libraries, the program, and what is asked, each a layer of its own, so that
 * only the last one is new for another lock. The same input makes the same digest.
 * @param lock text of the lock
 * @throws PassthroughError `REMOTE_IMPORT_FAILED`
 */
export async function importerImage(request: ImportRequest, lock: string): Promise<BuiltImage> {
    const node = nodeFiles().map(({ file, path }) => ({ path, content: { file }, isProgram: true }));
    const program = programFiles().map(({ file, path }) => ({ path: `${PROGRAM}/${path}`, content: { file } }));
    const layers: TarLayer[] = [];
    for (const files of [sorted([...node, ...SYSTEM_FILES]), program, requestFiles(request, lock)])
        layers.push(await tarLayer(files));
    return buildImage({
        architecture: ARCHITECTURES[process.arch] ?? process.arch,
        title: "registry-passthrough importer",
        config: { User: NOBODY, Env: [`LD_LIBRARY_PATH=/${LIBRARIES}`], Entrypoint: IMPORTER_COMMAND },
        layers,
    });
}

/** What the C library looks for: a name for the user, and how names of hosts are looked up. */
const SYSTEM_FILES: readonly LayerFile[] = [
    { path: "etc/nsswitch.conf", content: { bytes: Buffer.from("hosts: files dns\n") } },
    USERS,
];

function sorted(files: readonly LayerFile[]): LayerFile[] {
    return [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function requestFiles(request: ImportRequest, lock: string): LayerFile[] {
    return [
        { path: `${REQUEST}/lock.json`, content: { bytes: Buffer.from(lock) } },
        { path: `${REQUEST}/request.json`, content: { bytes: Buffer.from(JSON.stringify(request)) } },
    ];
}

/**
 * Pushes the image, as far as the repository does not have it.
 * @param tag keeps it from being collected
 * @throws RegistryError
 */
export async function pushImporterImage(
    client: RegistryClient,
    { manifest, config, layers }: BuiltImage,
    repository: string,
    tag: string,
): Promise<void> {
    if ((await client.manifestHead(repository, tag)) === manifest.digest) return;
    await pushBlobs(client, new Map([[computeDigest(config), config]]), repository);
    for (const layer of layers) await pushLayer(client, layer, repository);
    await client.manifestPut(repository, tag, manifest);
}

async function pushLayer(client: RegistryClient, { digest, size, pieces }: TarLayer, repository: string) {
    if ((await client.blobHead(repository, digest)) !== undefined) return;
    await client.retrying(async () => {
        const begun = await client.uploads.start(repository, digest);
        if (!begun.mounted) await client.uploads.put(repository, digest, begun.location, size, pieces);
    });
}
