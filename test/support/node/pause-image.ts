import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { computeDigest, digestHex } from "../../../lib/oci/digest";
import { exitProgram } from "../../../lib/openshift/probe/probe-program";

/** The image that holds the namespaces of a pod: it does nothing until it is killed. */
export const PAUSE_IMAGE = "localhost/pause:1";

/** mov eax, 34 (pause); syscall; jmp to the first: as long as the code of the probe's program, which it takes the place of. */
const PAUSE = Buffer.from("b8220000000f05ebf7", "hex");

/** An OCI archive of `PAUSE_IMAGE` for `ctr images import`, on an x64 machine. */
export function pauseArchive(file: string): void {
    const folder = mkdtempSync(join(tmpdir(), "pause image "));
    try {
        const program = exitProgram("amd64");
        PAUSE.copy(program, program.length - PAUSE.length);
        writeFileSync(join(folder, "pause"), program, { mode: 0o755 });
        const layer = execFileSync("tar", ["-C", folder, "-c", "pause"]);
        mkdirSync(join(folder, "blobs/sha256"), { recursive: true });
        const blob = (bytes: Buffer, mediaType: string) => {
            const digest = computeDigest(bytes);
            writeFileSync(join(folder, "blobs/sha256", digestHex(digest)), bytes);
            return { mediaType, digest, size: bytes.length };
        };
        const json = (value: object) => Buffer.from(JSON.stringify(value));
        const config = {
            ...{ architecture: "amd64", os: "linux", config: { Entrypoint: ["/pause"] } },
            rootfs: { type: "layers", diff_ids: [computeDigest(layer)] },
        };
        const manifest = {
            ...{ schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json" },
            config: blob(json(config), "application/vnd.oci.image.config.v1+json"),
            layers: [blob(layer, "application/vnd.oci.image.layer.v1.tar")],
        };
        const annotations = { "io.containerd.image.name": PAUSE_IMAGE };
        const described = { ...blob(json(manifest), manifest.mediaType), annotations };
        writeFileSync(join(folder, "index.json"), json({ schemaVersion: 2, manifests: [described] }));
        writeFileSync(join(folder, "oci-layout"), json({ imageLayoutVersion: "1.0.0" }));
        execFileSync("tar", ["-C", folder, "-cf", file, "blobs", "index.json", "oci-layout"]);
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
}
