import { parseBoundedJson } from "../../oci/bounded-json";
import { type Digest, computeDigest } from "../../oci/digest";
import { type Manifest, parseManifest } from "../../oci/manifest";
import { MEDIA_TYPE_OCI_INDEX, MEDIA_TYPE_OCI_MANIFEST } from "../../oci/media-types";
import { PROBE_ARCHITECTURES, type ProbeArchitecture, exitProgram } from "./probe-program";

/** A tiny image for every platform that nodes have, with content of its own: nobody else has it. */
export interface ProbeImage {
    readonly index: Manifest;
    /** One for each platform. */
    readonly manifests: readonly Manifest[];
    readonly blobs: ReadonlyMap<Digest, Buffer>;
}

/** The program in the image; pods name it, since an image's own command may be overridden by none. */
export const PROBE_COMMAND = "/registry-passthrough-probe";

const TITLE = "org.opencontainers.image.title";
const TITLE_START = "registry-passthrough probe ";

/** `nobody`: a number, since `runAsNonRoot` cannot be checked against a name (PodSecurity `restricted`). */
const USER = "65534";

/**
 * An image that starts and ends with status 0.
 * @param run what makes its content unlike that of every earlier run, so that no node can have it
 * @param name what makes it unlike the others of the same run: containerd takes images with one config for one image, and
 * reports any of their names
 */
export function probeImage(run: string, name: string): ProbeImage {
    const platforms = PROBE_ARCHITECTURES.map((architecture) => platformImage(architecture, `${run} ${name}`));
    const document = {
        schemaVersion: 2,
        mediaType: MEDIA_TYPE_OCI_INDEX,
        manifests: platforms.map(({ architecture, manifest }) => ({
            ...describe(manifest.bytes, MEDIA_TYPE_OCI_MANIFEST),
            platform: { architecture, os: "linux" },
        })),
        annotations: { [TITLE]: `${TITLE_START}${run} ${name}` },
    };
    return {
        index: toManifest(document),
        manifests: platforms.map(({ manifest }) => manifest),
        blobs: new Map(platforms.flatMap(({ blobs }) => blobs.map((bytes) => [computeDigest(bytes), bytes]))),
    };
}

/** True for the index of a probe's image, of whichever run. */
export function isProbeIndex({ bytes }: Pick<Manifest, "bytes">): boolean {
    const { annotations } = parseBoundedJson(bytes) as { annotations?: Readonly<Record<string, string>> };
    return annotations?.[TITLE]?.startsWith(TITLE_START) === true;
}

/**
 * What a node may report as the image of a container: the index, the manifest of its platform (CRI-O, containerd) or that
 * one's config, which is the image's ID.
 */
export function probeDigests({ index, manifests }: ProbeImage): Digest[] {
    const configs = manifests.flatMap(({ blobs }) => blobs.slice(0, 1).map(({ digest }) => digest));
    return [index.digest, ...manifests.map(({ digest }) => digest), ...configs];
}

interface PlatformImage {
    readonly architecture: ProbeArchitecture;
    readonly manifest: Manifest;
    readonly blobs: readonly Buffer[];
}

function platformImage(architecture: ProbeArchitecture, name: string): PlatformImage {
    // Not compressed: two versions of zlib may write different bytes.
    const layer = tarOf(PROBE_COMMAND.slice(1), exitProgram(architecture));
    const config = Buffer.from(
        JSON.stringify({
            architecture,
            os: "linux",
            config: { User: USER, Cmd: [PROBE_COMMAND], Labels: { "registry-passthrough/probe": name } },
            rootfs: { type: "layers", diff_ids: [computeDigest(layer)] },
        }),
    );
    const manifest = toManifest({
        schemaVersion: 2,
        mediaType: MEDIA_TYPE_OCI_MANIFEST,
        config: describe(config, "application/vnd.oci.image.config.v1+json"),
        layers: [describe(layer, "application/vnd.oci.image.layer.v1.tar")],
    });
    return { architecture, manifest, blobs: [config, layer] };
}

function describe(bytes: Buffer, mediaType: string) {
    return { mediaType, digest: computeDigest(bytes), size: bytes.length };
}

function toManifest(document: object): Manifest {
    return parseManifest(Buffer.from(JSON.stringify(document)), { thing: "the image of the probe" });
}

const BLOCK = 512;

/** A tar with one program that everybody may run (POSIX pax, "ustar Interchange Format"). */
function tarOf(name: string, content: Buffer): Buffer {
    const header = Buffer.alloc(BLOCK);
    const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
    header.write(name, 0);
    header.write(octal(0o555, 7), 100);
    header.write(octal(0, 7), 108);
    header.write(octal(0, 7), 116);
    header.write(octal(content.length, 11), 124);
    header.write(octal(0, 11), 136);
    header.write("        0", 148);
    header.write("ustar\x0000", 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${octal(sum, 6)} `, 148);
    const padding = Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK);
    // Two empty blocks end it.
    return Buffer.concat([header, content, padding, Buffer.alloc(2 * BLOCK)]);
}
