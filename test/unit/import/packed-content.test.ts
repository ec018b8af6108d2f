import { randomBytes } from "node:crypto";
import type { RegistryClient } from "../../../lib/distribution/client/registry-client";
import { ArchiveError, PassthroughError, RegistryError } from "../../../lib/errors/errors";
import type { BlobTask, ImportPlan } from "../../../lib/import";
import { PackedContent } from "../../../lib/import/stream/packed-content";
import { digestHex } from "../../../lib/oci/digest";
import { MemoryImageSet } from "../../support/image-set";

const PASSED = new PassthroughError("its first bytes have passed", { code: "ARCHIVE_STREAM_PASSED" });

/** A blob of several repositories, which is on its way to the first, and its upload has broken. */
async function brokenUpload(...others: readonly Partial<BlobTask>[]) {
    const source = new MemoryImageSet();
    const digest = source.blob(randomBytes(9 * 1024 * 1024));
    const size = source.size(digest) ?? 0;
    const tasks = [{}, ...others].map((more, at) => ({ repository: `org/app${at}`, digest, size, ...more }));
    const images = tasks.map((task) => ({ blobs: [task], manifests: [], root: { digest, size }, rootIsThere: true }));
    const content = new PackedContent({} as RegistryClient, { push: images } as unknown as ImportPlan, "a.tar.gz");
    const [task = { repository: "", digest, size }] = tasks;
    const place = { archive: "a.tar.gz", offset: 0 };
    const body = () => source.open(digest) as AsyncIterable<Buffer>;
    await content.take({ name: `blobs/sha256/${digestHex(digest)}`, size, place, body });
    await content.arrival(task);
    return { source, content, task, tasks };
}

test("a blob whose upload breaks is read again, though others wait to mount it", async () => {
    const { source, content, task } = await brokenUpload({ mountFrom: "org/app0" }, { mountFrom: "org/app0" });
    content.release(source);
    // At once: the reading of what was left has just found nothing.
    expect(await content.comesAgain(task, PASSED, 0)).toBe(true);
    const pieces: Buffer[] = [];
    for await (const piece of content.open(task.digest)) pieces.push(Buffer.from(piece as Buffer));
    expect(Buffer.concat(pieces).equals(source.bytes.get(task.digest) ?? Buffer.alloc(0))).toBe(true);
    expect(await content.comesAgain(task, new Error("another"), 0)).toBe(false);
});

test("but not while it is on its way to another repository", async () => {
    const { source, content, tasks } = await brokenUpload({});
    const [one, two] = tasks;
    if (one === undefined || two === undefined) throw new Error("there are two");
    content.release(source);
    await content.arrival(two);
    expect(await content.comesAgain(one, PASSED, 0)).toBe(false);
    content.ended(one, false);
    expect(await content.comesAgain(two, PASSED, 0)).toBe(true);
});

test("it is read three times, and as often again each time that it has got much further", async () => {
    const { source, content, task } = await brokenUpload();
    content.release(source);
    const outcomes: boolean[] = [];
    const far = 70 * 1024 * 1024;
    for (const sent of [0, far, far + 1, far + 2]) outcomes.push(await content.comesAgain(task, PASSED, sent));
    expect(outcomes).toEqual([true, true, true, false]);
});

test("a registry that is gone is what keeps images from being put", async () => {
    const { content, task } = await brokenUpload();
    content.stop(new RegistryError("no response", { registry: "registry.example", code: "TIMEOUT" }));
    expect(await content.comesAgain(task, PASSED, 0)).toBe(false);
    await expect(content.mayPut()).rejects.toMatchObject({
        code: "NOT_TRIED",
        problem: expect.stringMatching(/TIMEOUT/),
    });
});

test("once the archive is known to be wrong, nothing comes again, and what waits is told why", async () => {
    const { content, task } = await brokenUpload();
    const mayPut = content.mayPut();
    content.end(new ArchiveError("it does not match the lock", { archive: "a.tar.gz", code: "ARCHIVE_LOCK_MISMATCH" }));
    expect(await content.comesAgain(task, PASSED, 0)).toBe(false);
    await expect(mayPut).rejects.toMatchObject({
        code: "NOT_TRIED",
        problem:
            "nothing more of the archive is imported: ARCHIVE_LOCK_MISMATCH in archive a.tar.gz: it does not match the lock",
    });
});
