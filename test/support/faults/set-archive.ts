import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeArchive, openArchive } from "../../../lib/archives";
import { writeLock } from "../../../lib/lock";
import type { Lock } from "../../../lib/lock";
import { type TarSpec, type TestImage, ocMirrorEntries, tar, testImage, testIndex } from "../archives";
import type { Random } from "./random";

/** An oc-mirror archive in parts, with its lock, in a folder of its own. */
export class SetArchive {
    readonly path = mkdtempSync(join(tmpdir(), "set "));
    readonly lock = join(this.path, "set.lock.json");

    private constructor(
        /** The parts as they were made, by name. */
        readonly parts: ReadonlyMap<string, Buffer>,
        readonly images: readonly TestImage[],
    ) {}

    content!: Lock;

    /** Images of random layers whose entries are dealt out to two parts; the first is an index of two. */
    static make(random: Random, size: readonly [number, number] = [1000, 60_000], images = 2): Promise<SetArchive> {
        const layer = () => random.bytes(random.between(...size));
        const shared = layer();
        const image = (name: string) => testImage(`${name} ${random.fraction()}`, { layers: [shared, layer()] });
        const made = Array.from({ length: images }, (_, at) =>
            at === 0 ? testIndex([image("amd64"), image("arm64")]) : image(`app${at}`),
        );
        return SetArchive.of(made, random);
    }

    /** One image with layers of these sizes. */
    static oneImage(random: Random, sizes: readonly number[]): Promise<SetArchive> {
        const layers = sizes.map((size) => random.bytes(size));
        return SetArchive.of([testImage(`app ${random.fraction()}`, { layers })], random);
    }

    private static async of(made: readonly TestImage[], random: Random): Promise<SetArchive> {
        const entries = ocMirrorEntries({
            tags: made.map((found, at) => ({ repository: `org/app${at}`, tag: "1", image: found })),
            imageSet: made.map((_, at) => `quay.io/org/app${at}:1`),
            imageSetName: `isc_2026-01-02T03:04:0${random.between(0, 9)}Z`,
        });
        const archive = new SetArchive(new Map(Object.entries(inParts(entries, random))), made);
        archive.restore();
        const opened = await openArchive(archive.path);
        archive.content = (await describeArchive(opened, [])).lock;
        await opened.close();
        await writeLock(archive.lock, archive.content);
        return archive;
    }

    /** The parts as they were made. */
    restore(): void {
        for (const [name, bytes] of this.parts) writeFileSync(join(this.path, name), bytes);
    }

    remove(): void {
        rmSync(this.path, { recursive: true, force: true });
    }
}

/** As oc-mirror does when a part is full: what comes next goes into the next one. */
function inParts(entries: readonly TarSpec[], random: Random): Record<string, Buffer> {
    const first = entries.findIndex(({ name }) => name.includes("/blobs/"));
    const cut = random.between(first + 1, entries.length - 1);
    return {
        "mirror_000001.tar": tar(entries.slice(0, cut)),
        "mirror_000002.tar": tar(entries.slice(cut)),
    };
}
