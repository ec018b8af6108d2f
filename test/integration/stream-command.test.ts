import { readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type Lock, parseLock, writeLock } from "../../lib/lock";
import { CommandSite } from "../support/command-site";

jest.setTimeout(120_000);

let site: CommandSite;
afterEach(() => site.remove());

/** The parts of a set one after the other, as `cat mirror_*.tar` joins them; they are gone from the disk. */
function takeArchive(set: string): Buffer {
    const folder = join(site.folder, set);
    const bytes = Buffer.concat(
        readdirSync(folder)
            .sort()
            .map((name) => readFileSync(join(folder, name))),
    );
    rmSync(folder, { recursive: true });
    return bytes;
}

test("import - brings a set whose archive is nowhere on this machine, and once more sends nothing", async () => {
    site = await CommandSite.create("with-mapping");
    const archive = gzipSync(takeArchive("set1"));
    const cut = await site.runOn(archive.subarray(0, archive.length / 2), "import", "-");
    expect(cut.code).toBe(65);
    expect(cut.out).toMatch(/standard input.*ARCHIVE_TRUNCATED|ARCHIVE_TRUNCATED.*standard input/s);
    const whole = await site.runOn(archive, "import", "-");
    expect(whole).toMatchObject({ code: 0 });
    expect(whole.out).toMatch(/(\d+) of \1 images are in the registry/);
    expect(whole.error).toContain("names of the lock file are not compared with standard input");
    expect(await site.run("verify", "--bytes")).toMatchObject({ code: 0 });
    site.registry.forget();
    const again = await site.runOn(archive, "import", "-", "--json");
    expect(again).toMatchObject({ code: 0 });
    expect(again.out).toContain('"event":"finished"');
    expect(site.registry.writes()).toEqual([]);
    for (const secret of site.secretForms()) expect(site.said).not.toContain(secret);
});

test("one of several sets is named, and a file must be given for what is checked before it is sent", async () => {
    site = await CommandSite.create("with-mapping", "release");
    const unnamed = await site.runOn(Buffer.alloc(0), "import", "-");
    expect(unnamed.code).toBe(78);
    expect(unnamed.error).toContain("the site has several sets; name one with --set: set1, set2");
    expect((await site.runOn(Buffer.alloc(0), "import", "-", "--set", "set3")).error).toContain(
        "the site has no set set3",
    );
    const path = join(site.folder, "set1.lock.json");
    const lock: Lock = parseLock(readFileSync(path, "utf8"), "set1.lock.json");
    const tagged = Object.keys(lock.images).filter((source) => !source.includes("@"));
    const marks = Object.fromEntries(tagged.map((source) => [source, "tag-only" as const]));
    await writeLock(path, { ...lock, format: "docker-archive", marks });
    const made = await site.runOn(takeArchive("set1"), "import", "-", "--set", "set1");
    expect(made.code).toBe(65);
    expect(made.error).toMatch(/ARCHIVE_FORMAT_UNSUPPORTED.*give the archive as a file/s);
    expect(site.registry.writes()).toEqual([]);
    expect(await site.runOn(takeArchive("set2"), "import", "-", "--set", "set2")).toMatchObject({ code: 0 });
});

test("Ctrl-C ends it while the stream says nothing; the next one sends the rest", async () => {
    site = await CommandSite.create("with-mapping");
    const archive = takeArchive("set1");
    const { child, done } = site.startOpen("import", "-", "--json");
    const sent = new Promise<void>((resolve) => {
        child.stdout?.on("data", (chunk: Buffer) => {
            if (chunk.includes('"event":"blob"')) resolve();
        });
    });
    child.stdin?.write(archive.subarray(0, -2048));
    await sent;
    child.kill("SIGINT");
    const ended = await done;
    expect(ended.code).toBe(130);
    expect(ended.error).toMatch(/interrupted by SIGINT; \d of 6 images of set1 are safe in the registry; run again/);
    expect(await site.runOn(archive, "import", "-")).toMatchObject({ code: 0 });
});
