import { describeArchive } from "../../../lib/archives";
import { digestHex } from "../../../lib/oci/digest";
import { ArchiveBench, ociLayoutFiles, ocMirrorEntries, refusal, tar, testImage } from "../../support/archives";
import { docker24 } from "../../support/docker-archives";

const bench = new ArchiveBench();
afterEach(() => bench.clear());

const app = testImage("app");
/** Blobs that were copied before the copy failed; without any file in `blobs/` a layout is not recognized at all. */
const blobs = [...app.blobs].map(([digest, bytes]) => [`blobs/sha256/${digestHex(digest)}`, bytes] as const);
const layout = new Map([...ociLayoutFiles([]), ...blobs]);
const tarred = tar([...layout].map(([name, body]) => ({ name, body })));
const chart = JSON.stringify({
    schemaVersion: 2,
    manifests: [{ mediaType: "application/vnd.example.chart+json", digest: app.digest, size: 1 }],
});
const mirrored = (imageSet?: readonly string[]) =>
    tar(ocMirrorEntries({ tags: [], ...(imageSet === undefined ? {} : { imageSet }) }));

/** Refused when it is opened or when it is described; either way before a lock is written. */
async function lockRefusal(files: Iterable<readonly [string, Buffer]>, path: string) {
    const folder = await bench.folder(files);
    const error = await refusal(bench.open(`${folder}/${path}`).then((archive) => describeArchive(archive, [])));
    return { error, path: `${folder}/${path}`.replace(/\/\.$/, "") };
}

test.each<[what: string, files: Iterable<readonly [string, Buffer]>, path: string, says: string]>([
    ["an OCI layout", layout, ".", "it has no image"],
    ["an OCI layout without blobs", ociLayoutFiles([]), ".", "no image archive is recognised here"],
    ["a tar of an OCI layout", [["images.tar", tarred]], "images.tar", "it has no image"],
    [
        "an OCI layout without any image",
        [...layout, ["index.json", Buffer.from(chart)] as const],
        ".",
        "its type is application/vnd.example.chart+json",
    ],
    ["a docker archive", [["save.tar", tar(docker24([]))]], "save.tar", "it lists no image"],
    ["an oc-mirror archive", [["mirror_000001.tar", mirrored()]], "mirror_000001.tar", "it has no image"],
    [
        "an oc-mirror archive of images that all failed",
        [["mirror_000001.tar", mirrored(["quay.io/org/app:1", "quay.io/org/tool:2"])]],
        "mirror_000001.tar",
        "2 images were requested",
    ],
])("%s with 0 images is refused, and named", async (_, files, path, says) => {
    const refused = await lockRefusal(files, path);
    expect(refused.error.message).toContain(refused.path);
    expect(refused.error.message).toContain(says);
});

test("an archive of which every image is excluded on purpose is not refused", async () => {
    const archive = await bench.openFiles(ociLayoutFiles([{ image: app, name: "quay.io/org/app:1" }]));
    const exclude = [{ key: "--exclude", pattern: "quay.io/org/app:1" }];
    const { lock } = await describeArchive(archive, [], { exclude });
    expect(lock.images).toEqual({});
    expect(lock.excluded).toEqual({ "quay.io/org/app:1": "quay.io/org/app:1" });
});
