import { gzipSync } from "node:zlib";
import { join } from "node:path";
import { computeDigest } from "../../../lib/oci/digest";
import { ArchiveBench, ociLayoutFiles, tar, testImage, testIndex } from "../../support/archives";
import { docker24, dockerImage } from "../../support/docker-archives";

const bench = new ArchiveBench();
afterEach(() => bench.clear());

/** A set whose source stands before others, and a blob that it reads from a file. */
const SETS = {
    "several archives": async () => {
        const [one, two] = [testImage("one"), testImage("two")];
        const folder = await bench.folder([
            ...[...ociLayoutFiles([{ image: one, name: "quay.io/a/one:1" }])].map(([name, bytes]): [string, Buffer] => [
                join("one", name),
                bytes,
            ]),
            ...[...ociLayoutFiles([{ image: two, name: "quay.io/a/two:1" }])].map(([name, bytes]): [string, Buffer] => [
                join("two", name),
                bytes,
            ]),
        ]);
        const archive = await bench.open([join(folder, "one"), join(folder, "two")]);
        return { source: archive.source, blob: [...two.blobs.values()][1] };
    },
    "a docker-archive": async () => {
        const app = dockerImage("app");
        const save = tar(docker24([{ image: app, tags: ["app:1"] }]));
        return { source: (await bench.openFiles({ "save.tar": save }, "save.tar")).source, blob: app.layers[0] };
    },
    "an export of containerd without all platforms": async () => {
        const [amd64, arm64] = [testImage("amd64", { layers: [gzipSync("amd64")] }), testImage("arm64")];
        const annotations = { "io.containerd.image.name": "quay.io/org/app:1" };
        const files = ociLayoutFiles(
            [{ image: testIndex([amd64, arm64]), name: "1", annotations }],
            arm64.blobs.keys(),
        );
        return { source: (await bench.openFiles(files)).source, blob: [...amd64.blobs.values()][1] };
    },
};

test.each(Object.entries(SETS))("the pieces of %s are read into the memory that is given", async (_, open) => {
    const { source, blob = Buffer.alloc(0) } = await open();
    const given: Buffer[] = [];
    const allocate = (size: number) => {
        const memory = Buffer.alloc(size);
        given.push(memory);
        return memory;
    };
    for await (const piece of source.open(computeDigest(blob), 0, allocate))
        expect((piece as Buffer).equals(blob)).toBe(true);
    expect(given).toHaveLength(1);
    expect(given[0]?.equals(blob)).toBe(true);
});
