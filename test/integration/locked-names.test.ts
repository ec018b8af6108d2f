import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Lock, parseLock, writeLock } from "../../lib/lock";
import { CommandSite } from "../support/command-site";

jest.setTimeout(120_000);

let site: CommandSite;
afterEach(() => site.remove());

const lockPath = () => join(site.folder, "set1.lock.json");
const readLock = () => parseLock(readFileSync(lockPath(), "utf8"), "set1.lock.json");

/** Two images of the lock with each other's digest. */
function swapped(lock: Lock): { lock: Lock; names: [string, string] } {
    const [one = "", two = ""] = Object.keys(lock.images);
    const [first = "", second = ""] = [lock.images[one], lock.images[two]];
    return { lock: { ...lock, images: { ...lock.images, [one]: second, [two]: first } }, names: [one, two] };
}

test("a lock with the digests of two images swapped is rejected by plan, import and lock --check, which name both", async () => {
    site = await CommandSite.create("with-mapping");
    const { lock, names } = swapped(readLock());
    await writeLock(lockPath(), lock);
    for (const command of [["plan"], ["import"]]) {
        const { code, error } = await site.run(...command);
        expect(code).toBe(65);
        expect(error).toContain("ARCHIVE_LOCK_MISMATCH");
        for (const name of names) expect(error).toContain(`which the archive names ${name}`);
    }
    expect((await site.run("lock", "--check")).code).toBe(65);
    expect(site.registry.writes()).toEqual([]);
});

test("what was imported by the right lock is not swapped later, although no byte of the archive is needed for that", async () => {
    site = await CommandSite.create("with-mapping");
    expect((await site.run("import")).code).toBe(0);
    const { lock } = swapped(readLock());
    await writeLock(lockPath(), lock);
    const { code, error } = await site.run("import");
    expect(code).toBe(65);
    expect(error).toContain("ARCHIVE_LOCK_MISMATCH");
});
