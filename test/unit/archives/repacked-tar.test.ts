import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeArchive, openArchive } from "../../../lib/archives";
import type { Lock } from "../../../lib/lock";
import {
    type OcMirrorSpec,
    makeFolder,
    ocMirrorBlobName,
    ocMirrorEntries,
    testImage,
    testIndex,
} from "../../support/archives";

/** Long enough that the links of its digests do not fit into a USTAR header. */
const repository = `organisation-with-a-long-name/${"a-part-of-the-path/".repeat(4)}app`;
const image = testIndex([testImage("amd64"), testImage("arm64", { layers: [Buffer.alloc(3_000_000, 1)] })]);
const spec: OcMirrorSpec = { tags: [{ repository, tag: "1", image }], imageSet: [`quay.io/${repository}:1`] };

let folder: { path: string; remove(): Promise<void> };
beforeAll(async () => {
    const entries = ocMirrorEntries(spec).map(({ name, body }): [string, Buffer] => [
        `tree/${name}`,
        Buffer.from(body ?? ""),
    ]);
    folder = await makeFolder(entries);
});
afterAll(() => folder.remove());

function pack(...args: string[]): string {
    const path = join(folder.path, "out");
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path);
    execFileSync("tar", ["-C", join(folder.path, "tree"), "-cf", join(path, "mirror_000001.tar"), ...args, "."]);
    return path;
}

async function describeLock(path: string): Promise<Lock> {
    const archive = await openArchive(path);
    try {
        expect(archive.warnings).toEqual([]);
        return (await describeArchive(archive, [])).lock;
    } finally {
        await archive.close();
    }
}

describe("an archive unpacked and packed again with GNU tar", () => {
    it.each([["--format=gnu"], ["--format=pax"], ["--format=posix", "--pax-option=comment=x"]])(
        "%s is the same content",
        async (...args) => {
            const lock = await describeLock(pack(...args));
            expect(lock.images).toEqual({ [`quay.io/${repository}:1`]: image.digest });
            expect(Object.keys(lock.manifests)).toHaveLength(3);
            expect(Object.keys(lock.blobs)).toHaveLength(4);
        },
    );

    it.each(["--format=gnu", "--format=pax"])("%s --sparse is refused where a blob has holes", async (format) => {
        const name = ocMirrorBlobName(`sha256:${"0".repeat(64)}`);
        const path = join(folder.path, "tree", name);
        mkdirSync(join(path, ".."), { recursive: true });
        writeFileSync(path, "start");
        truncateSync(path, 10_000_000);
        try {
            await expect(describeLock(pack(format, "--sparse", "--hole-detection=raw"))).rejects.toMatchObject({
                code: "ARCHIVE_ENTRY_INVALID",
                message: expect.stringMatching(
                    /entry \S+, offset \d+: a sparse entry stands where a regular file must be/,
                ),
            });
        } finally {
            rmSync(path);
        }
    });
});
