import type { BlobSource } from "../../../lib/mirror/image-set";
import { describeArchive } from "../../../lib/archives";
import { SignatureSubjects } from "../../../lib/archives/formats/oc-mirror/signature-subjects";
import {
    ArchiveBench,
    type TestImage,
    imageObjects,
    ociLayoutFiles,
    testImage,
    testIndex,
} from "../../support/archives";

const LEVELS = 40;

const bench = new ArchiveBench();
afterEach(() => bench.clear());

/** Indexes in pairs, each of which names both of the level below: 2^40 ways lead from the top to the two images. */
function lattice(): TestImage {
    let pair = [testImage("left"), testImage("right")];
    for (let level = 0; level < LEVELS; level++) pair = [testIndex(pair), testIndex([...pair].reverse())];
    return testIndex(pair);
}

const top = lattice();
const manifests = 2 * LEVELS + 3;

test.each(["org.opencontainers.image.ref.name", "io.containerd.image.name"])(
    "indexes in each other that share their children are walked once, in a layout named by %s",
    async (annotation) => {
        const unnamed = testImage("unnamed");
        const about = { "io.containerd.manifest.subject": top.children[0]?.digest ?? "" };
        const files = ociLayoutFiles([
            { image: top, annotations: { [annotation]: "quay.io/org/app:1" } },
            { image: unnamed, annotations: about },
        ]);
        const { lock } = await describeArchive(await bench.openFiles(files), []);
        expect(lock.images).toEqual({
            "quay.io/org/app:1": top.digest,
            [`quay.io/org/app@${unnamed.digest}`]: unnamed.digest,
        });
        expect(Object.keys(lock.manifests)).toHaveLength(manifests + 1);
    },
);

test("the children of a catalog that is left out are walked once", async () => {
    const objects = imageObjects(top);
    const objectBytes = (digest: string): Buffer => objects.get(digest) ?? Buffer.alloc(0);
    const source: BlobSource = {
        size: (digest) => objects.get(digest)?.length,
        read: (digest) => Promise.resolve(objectBytes(digest)),
        open: () => {
            throw new Error("no blob is read");
        },
        place: (digest) => ({ archive: digest }),
    };
    expect((await new SignatureSubjects(source).findChildren(top.digest)).size).toBe(manifests - 1);
});
