import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type Archive, describeArchive, verifyStructure } from "../../lib/archives";
import type { Digest } from "../../lib/oci/digest";
import { ArchiveBench, type TestImage, ocMirrorEntries, ociLayoutFiles, tar, testImage } from "./archives";
import { docker24, dockerImage, expectedDigest } from "./docker-archives";

/** The files of a test's folder, by path. */
export type Files = readonly (readonly [string, Buffer])[];

/** What these functions open; to be cleared after each test. */
export const bench = new ArchiveBench();

/** What `Files` may hold, each with the one image that it brings. */
const app = testImage("app");
export const other = testImage("other");
export const saved = dockerImage("base");
export const APP: Readonly<Record<string, Digest>> = { "quay.io/org/app:1": app.digest };
export const OTHER: Readonly<Record<string, Digest>> = { "quay.io/org/other:1": other.digest };
export const SAVED: Readonly<Record<string, Digest>> = { "quay.io/org/saved:1": expectedDigest(saved) };

export const text = (value = "text\n"): Buffer => Buffer.from(value);
export const asTar = (files: Files): Buffer => tar(files.map(([name, body]) => ({ name, body })));
export const inFolder = (folder: string, files: Files): Files =>
    files.map(([name, bytes]) => [`${folder}/${name}`, bytes] as const);

/** An oc-mirror archive in one part, with `APP`. */
export const part = tar(
    ocMirrorEntries({ tags: [{ repository: "org/app", tag: "1", image: app }], imageSet: ["quay.io/org/app:1"] }),
);
/** What `docker save` writes, with `SAVED`. */
export const dockerTar = (): Buffer => tar(docker24([{ image: saved, tags: ["quay.io/org/saved:1"] }]));
/** An OCI layout, with `APP` or `OTHER`. */
export const layout = (image: TestImage = app): Files => [
    ...ociLayoutFiles([{ image, name: image === app ? "quay.io/org/app:1" : "quay.io/org/other:1" }]),
];
/** A Helm chart that depends on another one. */
export const chart = gzipSync(
    asTar([
        ["chart/Chart.yaml", text()],
        ["chart/charts/sub.tgz", gzipSync(asTar([["a", text()]]))],
    ]),
);

/** The images of a folder with these files, or of one that is there, once locked and held against its lock. */
export async function locked(
    files: Files | string,
    path = ".",
): Promise<{ archive: Archive; images: Readonly<Record<string, Digest>>; parts: string[] }> {
    const folder = typeof files === "string" ? files : await bench.folder(files);
    const archive = await bench.open(join(folder, path));
    const { lock } = await describeArchive(archive, []);
    const differences = await verifyStructure(archive, lock);
    if (differences.length > 0) throw new Error(differences.join(" "));
    return { archive, images: lock.images, parts: lock.parts.map(({ name }) => name) };
}
