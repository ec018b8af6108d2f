import { join } from "node:path";
import { describeArchive, verifyStructure } from "../../../lib/archives";
import type { Override } from "../../../lib/mirror/override";
import { ArchiveBench } from "../../support/archives";

const FIXTURES = join(__dirname, "../../fixtures/archives");
const bench = new ArchiveBench();
afterEach(() => bench.clear());

async function describeFixture(path: string, overrides: readonly Override[] = []) {
    const archive = await bench.open(join(FIXTURES, path));
    const description = await describeArchive(archive, overrides);
    expect(await verifyStructure(archive, description.lock)).toEqual([]);
    return description;
}

test("hauler store save: a referrer has the names of its subject, and goes with it by digest", async () => {
    const { lock } = await describeFixture("hauler/with-referrer.tar.zst");
    const image = "sha256:3e0830d872d9116685528c3093135dc7b0cd24f8311a7d55bf741b61e4cbd5f8";
    const referrer = "sha256:ebc18ee72771ff7e5310ad6dade2488f17b2ec1eff083785e7acb7590d2520a6";
    const tag = image.replace(":", "-");
    expect(lock.images).toEqual({
        "quay.io/team/signed:1.0": image,
        [`quay.io/team/signed:${tag}.att`]: "sha256:4a331b02c1ef222bdea24bfcc25a024abbdacdd87bb112ab1bfdf50a0b090243",
        [`quay.io/team/signed:${tag}.sig`]: "sha256:4c283f5e4476172f7f8a64e20137dfbb0988e79ce614efe79602ea28888132aa",
        [`quay.io/team/signed@${referrer}`]: referrer,
    });
    expect(lock.format).toBe("hauler");
    expect(lock).not.toHaveProperty("marks");
});

test("a lock of an earlier release calls Hauler's store a docker-archive: it still is of that store", async () => {
    const { lock } = await describeFixture("hauler/by-digest.tar.zst");
    const archive = await bench.open(join(FIXTURES, "hauler/by-digest.tar.zst"));
    for (const format of ["docker-archive", "oci-layout", "hauler"] as const) {
        expect(await verifyStructure(archive, { ...lock, format })).toEqual([]);
    }
    expect(await verifyStructure(archive, { ...lock, format: "dir" })).toEqual([
        "The archive is hauler, the lock is of dir.",
    ]);
});
