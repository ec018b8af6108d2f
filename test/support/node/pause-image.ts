import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Digest, computeDigest, digestHex } from "../../../lib/oci/digest";
import { type Manifest, parseManifest } from "../../../lib/oci/manifest";
import { MEDIA_TYPE_OCI_MANIFEST } from "../../../lib/oci/media-types";
import { exitProgram } from "../../../lib/openshift/probe/probe-program";

/** The image that holds the namespaces of a pod: it does nothing until it is killed. */
export const PAUSE_IMAGE = "localhost/pause:1";

/** mov eax, 34 (pause); syscall; jmp to the first: as long as the code of the probe's program, which it takes the place of. */
const PAUSE = Buffer.from("b8220000000f05ebf7", "hex");

/** An image on an x64 machine. */
export interface PauseImage {
    readonly manifest: Manifest;
    /** Configuration and layer. */
    readonly blobs: ReadonlyMap<Digest, Buffer>;
}

/** An image that runs until it is killed. @param label what makes it unlike others */
export function pauseImage(label: string): PauseImage {
    const program = exitProgram("amd64");
    PAUSE.copy(program, program.length - PAUSE.length);
    return programImage("pause", program, label);
}

/** An image with one program, at its root. */
function programImage(name: string, program: Buffer, label: string): PauseImage {
    const layer = programLayer(name, program);
    const config = json({
        ...{ architecture: "amd64", os: "linux" },
        config: { Entrypoint: [`/${name}`], Env: ["PATH=/"], Labels: { label } },
        rootfs: { type: "layers", diff_ids: [computeDigest(layer)] },
    });
    const manifest = {
        ...{ schemaVersion: 2, mediaType: MEDIA_TYPE_OCI_MANIFEST },
        config: describe(config, "application/vnd.oci.image.config.v1+json"),
        layers: [describe(layer, "application/vnd.oci.image.layer.v1.tar")],
    };
    return {
        manifest: parseManifest(json(manifest), { thing: `the image ${label}` }),
        blobs: new Map([config, layer].map((bytes) => [computeDigest(bytes), bytes])),
    };
}

/** An OCI archive of `PAUSE_IMAGE` for `ctr images import`. */
export function pauseArchive(file: string): void {
    imageArchive(file, PAUSE_IMAGE, pauseImage(PAUSE_IMAGE));
}

/** An OCI archive of an image under a name for `ctr images import`. */
function imageArchive(file: string, name: string, { manifest, blobs }: PauseImage): void {
    const folder = mkdtempSync(join(tmpdir(), "image "));
    try {
        mkdirSync(join(folder, "blobs/sha256"), { recursive: true });
        for (const [digest, bytes] of [...blobs, [manifest.digest, manifest.bytes] as const])
            writeFileSync(join(folder, "blobs/sha256", digestHex(digest)), bytes);
        const annotations = { "io.containerd.image.name": name };
        const described = { ...describe(manifest.bytes, MEDIA_TYPE_OCI_MANIFEST), annotations };
        writeFileSync(join(folder, "index.json"), json({ schemaVersion: 2, manifests: [described] }));
        writeFileSync(join(folder, "oci-layout"), json({ imageLayoutVersion: "1.0.0" }));
        execFileSync("tar", ["-C", folder, "-cf", file, "blobs", "index.json", "oci-layout"]);
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
}

/** One program in a tar, the same bytes at any time. */
function programLayer(name: string, program: Buffer): Buffer {
    const folder = mkdtempSync(join(tmpdir(), "image layer "));
    try {
        writeFileSync(join(folder, name), program, { mode: 0o755 });
        const options = ["-C", folder, "--mtime=@0", "-c", name];
        return execFileSync("tar", options, { maxBuffer: 2 * program.length + 1_000_000 });
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
}

function describe(bytes: Buffer, mediaType: string) {
    return { mediaType, digest: computeDigest(bytes), size: bytes.length };
}

function json(value: object): Buffer {
    return Buffer.from(JSON.stringify(value));
}
