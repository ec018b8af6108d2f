import { truncateSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { describeArchive, openArchive } from "../../lib/archives";
import { ArchiveFile } from "../../lib/archives/files/archive-file";
import { ArchiveSource } from "../../lib/archives/files/archive-source";
import { executePlan, planImport } from "../../lib/import";
import type { BlobSource, ImageSet } from "../../lib/mirror/image-set";
import type { Digest } from "../../lib/oci/digest";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { ArchiveBench, ociLayoutFiles, tar, testImage } from "../support/archives";
import { RegistryProcess } from "../support/registry-process";
import { problemText } from "../support/problems";

const bench = new ArchiveBench();
let registry: RegistryProcess;
let client: RegistryClient;

beforeEach(async () => {
    registry = await RegistryProcess.start();
    client = new RegistryClient({ endpoint: { host: registry.host, plainHttp: true } });
});

afterEach(async () => {
    await client.close();
    await registry.stop();
    await bench.clear();
});

const IMAGES = Array.from({ length: 30 }, (_, i) => ({
    image: testImage(`image ${i}`, { layers: [Buffer.alloc(300_000, i)] }),
    name: `quay.io/org/app${String(i).padStart(2, "0")}:1`,
}));

async function archiveOf30() {
    const files = ociLayoutFiles(IMAGES);
    const folder = await bench.folder({ "all.tar": tar([...files].map(([name, body]) => ({ name, body }))) });
    const path = join(folder, "all.tar");
    const archive = await bench.open(path);
    return { path, archive, set: (await describeArchive(archive, [])).lock };
}

/** One blob at a time, so that much is left to do when the medium fails. */
async function bring(source: BlobSource, set: ImageSet) {
    const base = parseMirrorBase(`${registry.host}/mirror`);
    const plan = await planImport(client, { images: set.images, set, base, suspects: new Set() });
    return executePlan(client, source, plan, { concurrency: 1 });
}

/** A source that reads the tenth blob from a place where the kernel answers EIO, and tells what is opened. */
async function failingSource(source: BlobSource) {
    const file = await ArchiveFile.open("/proc/self/mem");
    const bad = new ArchiveSource("bad", { get: () => ({ file, offset: 0, size: 300_000 }) }, () => undefined);
    const opened: Digest[] = [];
    const failing: BlobSource = {
        size: (asked) => source.size(asked),
        read: (asked) => source.read(asked),
        place: (asked) => source.place(asked),
        open: (asked, ...more): Readable => {
            opened.push(asked);
            return (opened.length === 10 ? bad : source).open(asked, ...more);
        },
    };
    return { failing, opened, close: () => file.close() };
}

test("a medium that fails stops the import: nothing more is read, and the others are told as not tried", async () => {
    const { archive, set } = await archiveOf30();
    const { failing, opened, close } = await failingSource(archive.source);
    const { done, failed } = await bring(failing, set);
    await close();
    expect(opened).toHaveLength(10);
    expect(Object.keys(done).length + failed.length).toBe(30);
    const others = failed.filter(({ problems: [problem] }) => problem?.code === "NOT_TRIED");
    const [own, ...more] = failed.filter((failure) => !others.includes(failure));
    expect(problemText(own)).toMatch(
        /^ARCHIVE_UNREADABLE in archive .*mem, offset 0: cannot be read: EIO.*check the permissions and the medium/,
    );
    expect(more).toEqual([]);
    expect(others.length).toBeGreaterThan(20);
    for (const image of others) expect(problemText(image)).toContain("EIO");
    // Once the medium is well again, the next run brings what is left.
    const again = await bring(archive.source, set);
    expect(again.failed).toEqual([]);
    expect(again.done).toEqual(set.images);
});

test("an archive that is cut while it is read stops the import too", async () => {
    const { path, archive, set } = await archiveOf30();
    truncateSync(path, 4_000_000);
    const { done, failed } = await bring(archive.source, set);
    expect(Object.keys(done).length + failed.length).toBe(30);
    expect(
        failed.some((image) =>
            /^ARCHIVE_TRUNCATED in archive .*all\.tar, entry blobs.*: the file ends here now/.test(problemText(image)),
        ),
    ).toBe(true);
    const others = failed.filter(({ problems: [problem] }) => problem?.code === "NOT_TRIED");
    expect(others.length).toBeGreaterThanOrEqual(failed.length - 1);
    expect(registry.writes().filter(({ method, status }) => method === "PUT" && status >= 400)).toEqual([]);
    expect(await openArchive(path).catch(({ code }: { code: string }) => code)).toBe("ARCHIVE_TRUNCATED");
});
