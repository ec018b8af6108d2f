import type { RegistryClient } from "../../distribution/client/registry-client";
import { type Digest, computeDigest } from "../../oci/digest";
import { type Manifest, parseManifest } from "../../oci/manifest";
import { MEDIA_TYPE_OCI_MANIFEST } from "../../oci/media-types";
import { pushBlobs } from "../../passthrough/push-blobs";
import type { ImportRequest } from "../request";
import { LIBRARIES, NODE, nodeFiles } from "./node-files";
import { PROGRAM_ENTRY, programFiles } from "./program-files";
import { type LayerFile, type TarLayer, tarLayer } from "./tar-layer";

/** Folders in the image. */
const PROGRAM = "opt/registry-passthrough";
const REQUEST = "import";

/** What the image runs; options follow. */
export const IMPORTER_COMMAND = [`/${NODE}`, `/${PROGRAM}/${PROGRAM_ENTRY}`, `/${REQUEST}`] as const;

/** The image with the importer and one request, for machines like this one. */
export interface ImporterImage {
    /** `amd64`, as images and nodes name it. */
    readonly architecture: string;
    readonly manifest: Manifest;
    readonly config: Buffer;
    readonly layers: readonly TarLayer[];
}

/** Values of `process.arch` that images name otherwise (Go's GOARCH). */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", ppc64: "ppc64le" };

/** `nobody`: a number, since `runAsNonRoot` cannot be checked against a name. */
const USER = "65534";

/**
 * Makes the image of an import: Node.js with its libraries, the program, and what is asked, each a layer of its own, so that
 * only the last one is new for another lock. The same input makes the same digest.
 * @param lock text of the lock
 * @throws PassthroughError `REMOTE_IMPORT_FAILED`
 */
export async function importerImage(request: ImportRequest, lock: string): Promise<ImporterImage> {
    const node = nodeFiles().map(({ file, path }) => ({ path, content: { file }, isProgram: true }));
    const program = programFiles().map(({ file, path }) => ({ path: `${PROGRAM}/${path}`, content: { file } }));
    const layers: TarLayer[] = [];
    for (const files of [sorted([...node, ...SYSTEM_FILES]), program, requestFiles(request, lock)])
        layers.push(await tarLayer(files));
    return describeImage(layers);
}

/** What the C library looks for: a name for the user, and how names of hosts are looked up. */
const SYSTEM_FILES: readonly LayerFile[] = [
    { path: "etc/nsswitch.conf", content: { bytes: Buffer.from("hosts: files dns\n") } },
    { path: "etc/passwd", content: { bytes: Buffer.from(`nobody:x:${USER}:${USER}::/:\n`) } },
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

function describeImage(layers: readonly TarLayer[]): ImporterImage {
    const architecture = ARCHITECTURES[process.arch] ?? process.arch;
    const config = Buffer.from(
        JSON.stringify({
            ...{ architecture, os: "linux" },
            config: {
                User: USER,
                Env: [`LD_LIBRARY_PATH=/${LIBRARIES}`],
                Entrypoint: IMPORTER_COMMAND,
                Labels: { "org.opencontainers.image.title": "registry-passthrough importer" },
            },
            rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
        }),
    );
    const describe = (mediaType: string, digest: Digest, size: number) => ({ mediaType, digest, size });
    const document = {
        ...{ schemaVersion: 2, mediaType: MEDIA_TYPE_OCI_MANIFEST },
        config: describe("application/vnd.oci.image.config.v1+json", computeDigest(config), config.length),
        layers: layers.map(({ digest, size }) => describe("application/vnd.oci.image.layer.v1.tar", digest, size)),
    };
    const manifest = parseManifest(Buffer.from(JSON.stringify(document)), { thing: "the image of the importer" });
    return { architecture, manifest, config, layers };
}

/**
 * Pushes the image, as far as the repository does not have it.
 * @param tag keeps it from being collected
 * @throws RegistryError
 */
export async function pushImporterImage(
    client: RegistryClient,
    { manifest, config, layers }: ImporterImage,
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
