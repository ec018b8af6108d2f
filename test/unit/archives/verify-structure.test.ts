import { join } from "node:path";
import type { Lock } from "../../../lib/lock";
import { describeArchive, openArchive, verifyStructure } from "../../../lib/archives";
import { formatGroups } from "../../../lib/errors/format";
import {
    type OcMirrorSpec,
    makeFolder,
    ocMirrorBlobName,
    ocMirrorEntries,
    tar,
    testImage,
} from "../../support/archives";

const image = testImage("app");
const [config = "", layer = ""] = [...image.blobs.keys()];
const spec: OcMirrorSpec = { tags: [{ repository: "org/app", tag: "1", image }], imageSet: ["quay.io/org/app:1"] };
const whole = tar(ocMirrorEntries(spec));

async function within<T>(files: Readonly<Record<string, Buffer>>, use: (path: string) => Promise<T>): Promise<T> {
    const folder = await makeFolder(Object.entries(files));
    try {
        return await use(folder.path);
    } finally {
        await folder.remove();
    }
}

async function describeLock(files: Readonly<Record<string, Buffer>>): Promise<Lock> {
    return within(files, async (path) => {
        const archive = await openArchive(path);
        const { lock } = await describeArchive(archive, []);
        await archive.close();
        return lock;
    });
}

async function structureProblems(files: Readonly<Record<string, Buffer>>, lock: Lock, name = "."): Promise<string[]> {
    return within(files, async (path) => {
        const archive = await openArchive(join(path, name));
        const problems = await verifyStructure(archive, lock);
        await archive.close();
        return formatGroups(problems);
    });
}

const without = (digest: string): Buffer => tar(ocMirrorEntries({ ...spec, leaveOut: [digest] }));
const replaced = (digest: string, body: string): Buffer =>
    tar(ocMirrorEntries(spec).map((entry) => (entry.name === ocMirrorBlobName(digest) ? { ...entry, body } : entry)));

describe("an archive checked against its lock", () => {
    it("matches the lock that was made of it, with a flipped bit in a blob too: blobs are checked as they are sent", async () => {
        const lock = await describeLock({ "mirror_000001.tar": whole });
        expect(await structureProblems({ "mirror_000001.tar": whole }, lock)).toEqual([]);
        const flipped = Buffer.from(whole);
        const at = flipped.indexOf(image.blobs.get(layer) ?? "");
        flipped[at] = 0;
        expect(await structureProblems({ "mirror_000001.tar": flipped }, lock)).toEqual([]);
    });

    it("is reported by parts that are missing, added, or of another size", async () => {
        const lock = await describeLock({ "mirror_000001.tar": whole, "mirror_000002.tar": tar([]) });
        expect(
            await structureProblems({ "mirror_000001.tar": Buffer.concat([whole, Buffer.alloc(512)]) }, lock),
        ).toEqual([
            `part mirror_000001.tar: ARCHIVE_LOCK_MISMATCH: it has ${whole.length + 512} bytes, the lock says ${whole.length}`,
            "part mirror_000002.tar: ARCHIVE_LOCK_MISMATCH: it is missing",
        ]);
        expect(await structureProblems({ "other.tar": whole }, { ...lock, parts: [] }, "other.tar")).toEqual([
            "part other.tar: ARCHIVE_LOCK_MISMATCH: it is not in the lock",
        ]);
    });

    it("is reported by every blob and manifest that is missing or of another size", async () => {
        const lock = { ...(await describeLock({ "mirror_000001.tar": whole })), parts: [] };
        const rest = (problems: string[]): string[] => problems.filter((problem) => !problem.includes("part"));
        expect(rest(await structureProblems({ "mirror_000001.tar": without(layer) }, lock))).toEqual([
            `blob ${layer}: ARCHIVE_LOCK_MISMATCH: it is missing`,
        ]);
        expect(rest(await structureProblems({ "mirror_000001.tar": without(image.digest) }, lock))).toEqual([
            `manifest ${image.digest}: ARCHIVE_LOCK_MISMATCH: it is missing`,
        ]);
        expect(rest(await structureProblems({ "mirror_000001.tar": replaced(config, "x") }, lock))).toEqual([
            `blob ${config}: ARCHIVE_LOCK_MISMATCH: it has 1 bytes, the lock says ${image.blobs.get(config)?.length}`,
        ]);
        expect(rest(await structureProblems({ "mirror_000001.tar": replaced(image.digest, "x") }, lock))).toEqual([
            `manifest ${image.digest}: ARCHIVE_LOCK_MISMATCH: it has 1 bytes, the lock says ${image.manifest.length}`,
        ]);
    });

    it("is reported by a flipped bit in a manifest, with its place", async () => {
        const lock = await describeLock({ "mirror_000001.tar": whole });
        const flipped = Buffer.from(whole);
        const at = flipped.indexOf(image.manifest);
        flipped[at + 30] = (flipped[at + 30] ?? 0) ^ 1;
        const [problem, ...others] = await structureProblems({ "mirror_000001.tar": flipped }, lock);
        expect(problem).toContain(`manifest ${image.digest}: ARCHIVE_DIGEST_MISMATCH in archive `);
        expect(problem).toContain(`offset ${at}`);
        expect(others).toEqual([]);
    });

    it("is reported by its format, without names having to be resolved", async () => {
        const unnamed = tar(ocMirrorEntries({ ...spec, imageSet: [] }));
        const lock = await describeLock({ "mirror_000001.tar": whole });
        expect(await structureProblems({ "mirror_000001.tar": unnamed }, { ...lock, format: "oci-layout" })).toContain(
            "the archive: ARCHIVE_LOCK_MISMATCH: it is oc-mirror, the lock is of oci-layout",
        );
    });
});
