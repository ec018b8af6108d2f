import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ocMirrorEntries, tar, testImage } from "../../support/archives";
import { PROJECT } from "../../support/stack";

const FIXTURES = join(PROJECT, "test/fixtures/archives/oc-mirror");
const MAIN = join(PROJECT, "dist/cli/main.js");
let folder: string;

beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "cli lock "));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function passthrough(...args: string[]) {
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { cwd: folder, encoding: "utf8" });
    return { code: status, out: stdout, error: stderr };
}

test("an archive gets a lock that names every image, and a second run leaves it as it is", () => {
    const made = passthrough("lock", join(FIXTURES, "with-mapping"), "--out", "a.lock.json");
    expect(made).toMatchObject({ code: 0, error: "" });
    expect(made.out).toContain("a.lock.json: written; 6 images, 13 blobs, 83200 bytes");
    expect(made.out).toContain("+ registry.redhat.io/team1/app1:v1 sha256:231ec4d8");
    const text = readFileSync(join(folder, "a.lock.json"), "utf8");
    const again = passthrough("lock", join(FIXTURES, "with-mapping"), "--out", "a.lock.json");
    expect(again.out).toBe("a.lock.json: unchanged; 6 images, 13 blobs, 83200 bytes\n");
    expect(readFileSync(join(folder, "a.lock.json"), "utf8")).toBe(text);
});

test("an archive with 0 images gets no lock: the command fails and names it", () => {
    writeFileSync(join(folder, "mirror_000001.tar"), tar(ocMirrorEntries({ tags: [] })));
    const run = passthrough("lock", "mirror_000001.tar", "--out", "a.lock.json");
    expect(run).toMatchObject({ code: 65, out: "" });
    expect(run.error).toMatch(/ARCHIVE_INCOMPLETE in .*mirror_000001\.tar: it has no image/);
    expect(existsSync(join(folder, "a.lock.json"))).toBe(false);
});

test("names without one upstream stop the lock, all at once, and nothing is written; overrides settle them", () => {
    const archive = tar(
        ocMirrorEntries({
            tags: [
                { repository: "tools/cli", tag: "2.1", image: testImage("cli") },
                { repository: "tools/web", tag: "1", image: testImage("web") },
            ],
        }),
    );
    mkdirSync(join(folder, "charts"));
    writeFileSync(join(folder, "charts/mirror_000001.tar"), archive);
    const refused = passthrough("lock", "charts", "--out", "r.lock.json");
    expect(refused.code).toBe(78);
    expect(refused.error).toContain("2 names have no single upstream");
    expect(refused.error.match(/no upstream name is known/g)).toHaveLength(2);
    expect(refused.error).toContain("overrides:");
    expect(refused.error).toContain("\nsay in the config where they come from");
    const mistyped = passthrough("lock", "charts", "--out", "r.lock.json", "--override", "tool/*=quay.io");
    expect(mistyped.code).toBe(78);
    expect(mistyped.error).toContain("\n  override tool/* has matched nothing so far\n");
    expect(existsSync(join(folder, "r.lock.json"))).toBe(false);
    const settled = passthrough(
        ...["lock", "charts", "--out", "r.lock.json"],
        ...["--override", "tools/cli:*=quay.io/acme/cli"],
        ...["--override", "tools/*=registry.redhat.io"],
    );
    expect(settled).toMatchObject({ code: 0, error: "" });
    expect(settled.out).toContain(`+ quay.io/acme/cli:2.1 ${testImage("cli").digest}`);
    expect(settled.out).toContain(`+ registry.redhat.io/tools/web:1 ${testImage("web").digest}`);
});

test("an archive that two upstreams may have written stops the lock and names both", () => {
    const archive = join(folder, "set");
    mkdirSync(archive);
    cpSync(join(FIXTURES, "incremental/1"), archive, { recursive: true });
    const tar = readFileSync(join(archive, "mirror_000001.tar"));
    // The image set wishes for app0 under another host too: same length, so the tar stays whole.
    const desired = tar.indexOf("registry.redhat.io/team1/app1:v1");
    tar.write("registry.redhat.io/team0/app0:v1", desired, "latin1");
    writeFileSync(join(archive, "mirror_000001.tar"), tar);
    const refused = passthrough("lock", "set", "--out", "a.lock.json");
    expect(refused.code).toBe(78);
    expect(refused.error).toContain("quay.io/team0/app0:v1");
    expect(refused.error).toContain("registry.redhat.io/team0/app0:v1");
    expect(existsSync(join(folder, "a.lock.json"))).toBe(false);
});

test("of a first lock the first fifty images are told, of a later one every change; JSON has all of them always", () => {
    const toImageMap = (version: string) =>
        Array.from({ length: 60 }, (_, at) => ({
            repository: `org/app${at + 10}`,
            tag: "1",
            image: testImage(`${version} of ${at}`),
        }));
    const names = toImageMap("").map(({ repository }) => `quay.io/${repository}:1`);
    mkdirSync(join(folder, "set"));
    const lock = (version: string, ...more: string[]) => {
        const entries = ocMirrorEntries({ tags: toImageMap(version), imageSet: names });
        writeFileSync(join(folder, "set/mirror_000001.tar"), tar(entries));
        return passthrough("lock", "set", "--out", "a.lock.json", ...more).out;
    };
    const all = JSON.parse(lock("one", "--check", "--json")) as { changes: string[] };
    expect(all.changes).toHaveLength(60);
    const first = lock("one");
    expect(first.match(/^ {2}\+ /gm)).toHaveLength(50);
    expect(first).toContain(`+ ${names[49]} `);
    expect(first).toContain("  … and 10 more, which the lock file has\n");
    expect(lock("two").match(/^ {2}~ /gm)).toHaveLength(60);
});

test("what an earlier archive brings is told apart from what this one brings", () => {
    const lock = (...more: string[]) =>
        passthrough("lock", join(FIXTURES, "incremental/2"), "--out", "2.lock.json", ...more);
    const { changes } = JSON.parse(lock("--check", "--json").out) as { changes: string[] };
    const built = changes.filter((line) => line.startsWith("= "));
    expect(built.map((line) => line.replace(/ sha256:.*/, ""))).toEqual([
        ...["= quay.io/team0/app0:v1", "= registry.redhat.io/team1/app1:v1"],
    ]);
    const { out } = lock();
    expect(out).not.toContain("+ quay.io/team0/app0:v1");
    expect(out).toContain("  from an earlier archive: quay.io/team0/app0:v1 sha256:74309920");
    expect(out.match(/^ {2}\+ /gm)?.length).toBe(changes.length - built.length);
});

test("a stack's sets are locked as its file lists them; --check writes nothing and tells by exit code", () => {
    const site = { content: [{ archive: join(FIXTURES, "incremental/1"), lock: "one.lock.json" }] };
    writeFileSync(join(folder, "Pulumi.yaml"), "name: registry-passthrough\nruntime: nodejs\n");
    writeFileSync(join(folder, "Pulumi.s.yaml"), JSON.stringify({ config: { "registry-passthrough:site": site } }));
    expect(passthrough("lock", "--stack", "s", "--check").code).toBe(65);
    expect(existsSync(join(folder, "one.lock.json"))).toBe(false);
    expect(passthrough("lock", "--stack", "s").code).toBe(0);
    const checked = passthrough("lock", "--stack", "s", "--check", "--json");
    expect(checked.code).toBe(0);
    expect(JSON.parse(checked.out)).toMatchObject({ lock: "one.lock.json", changes: [], images: 2, absent: [] });
});

test("a lock that a merge has broken is made anew; a file that never was a lock stays as it is", () => {
    const args = ["lock", join(FIXTURES, "incremental/1"), "--out"];
    expect(passthrough(...args, "a.lock.json").code).toBe(0);
    const text = readFileSync(join(folder, "a.lock.json"), "utf8");
    writeFileSync(join(folder, "a.lock.json"), `<<<<<<< HEAD\n${text}=======\n${text}>>>>>>> theirs\n`);
    expect(passthrough(...args, "a.lock.json", "--check").code).toBe(65);
    const made = passthrough(...args, "a.lock.json");
    expect(made.code).toBe(0);
    expect(made.out).toContain(
        "note: the existing lock file could not be read: LOCK_INVALID in a.lock.json: not a lock",
    );
    expect(readFileSync(join(folder, "a.lock.json"), "utf8")).toBe(text);
    writeFileSync(join(folder, "package.json"), '{"name": "not a lock"}');
    expect(passthrough(...args, "package.json")).toMatchObject({ code: 65 });
    expect(readFileSync(join(folder, "package.json"), "utf8")).toBe('{"name": "not a lock"}');
});

describe("a lock file of an earlier release", () => {
    const args = ["lock", join(FIXTURES, "with-mapping"), "--out", "a.lock.json"];
    const old = readFileSync(join(PROJECT, "test/fixtures/locks/with-mapping.lock.json"), "utf8");

    test("passes --check with a note, and gets where names come from when it is written again", () => {
        writeFileSync(join(folder, "a.lock.json"), old);
        const checked = passthrough(...args, "--check");
        expect(checked.code).toBe(0);
        expect(checked.out).toContain("note: the lock file does not record where names come from");
        expect(readFileSync(join(folder, "a.lock.json"), "utf8")).toBe(old);
        expect(passthrough(...args).out).toContain("note: where each name comes from was added to the lock file");
        const text = readFileSync(join(folder, "a.lock.json"), "utf8");
        expect(text).toContain('"nameSources": {');
        expect(text.startsWith(old.slice(0, old.lastIndexOf("]") + 1))).toBe(true);
        expect(passthrough(...args, "--check").out).toBe("a.lock.json: unchanged; 6 images, 13 blobs, 83200 bytes\n");
    });

    test("where it says that a name comes from elsewhere, --check fails and names the image", () => {
        expect(passthrough(...args).code).toBe(0);
        const path = join(folder, "a.lock.json");
        const text = readFileSync(path, "utf8");
        writeFileSync(path, text.replace('"from":"mapping"', '"from":"override"'));
        const checked = passthrough(...args, "--check");
        expect(checked.code).toBe(65);
        expect(checked.out).toMatch(/ {2}~ \S+: its name comes from mapping file working-dir\/dry-run\/mapping\.txt; /);
        expect(passthrough(...args).code).toBe(0);
        expect(readFileSync(path, "utf8")).toBe(text);
    });
});

describe("--explain", () => {
    const set = join(FIXTURES, "with-mapping");

    test("says of an image in an archive where its name comes from, and writes nothing", () => {
        const { code, out } = passthrough("lock", set, "--explain", "registry.redhat.io/team1/app1:v1");
        expect(code).toBe(0);
        expect(out.split("\n")).toEqual([
            expect.stringMatching(/^registry\.redhat\.io\/team1\/app1:v1 sha256:231ec4d8\w+$/),
            "  archive: oc-mirror, mirror_000001.tar",
            "  name from: mapping file working-dir/dry-run/mapping.txt; the archive calls it team1/app1:v1",
            "",
        ]);
    });

    test("reads the lock files of a stack: by name, repository or digest, as text and as JSON", () => {
        const site = { content: [{ archive: set, lock: "one.lock.json" }] };
        writeFileSync(join(folder, "Pulumi.yaml"), "name: registry-passthrough\nruntime: nodejs\n");
        writeFileSync(join(folder, "Pulumi.s.yaml"), JSON.stringify({ config: { "registry-passthrough:site": site } }));
        expect(passthrough("lock", "--stack", "s", "--explain", "nginx:1.27")).toMatchObject({ code: 65, out: "" });
        expect(passthrough("lock", "--stack", "s").code).toBe(0);
        const { out } = passthrough("lock", "--stack", "s", "--explain", "nginx:1.27", "--json");
        expect(JSON.parse(out)).toMatchObject({
            lock: "one.lock.json",
            image: "docker.io/library/nginx:1.27",
            nameSource: { from: "mapping", where: "working-dir/dry-run/mapping.txt", name: "library/nginx:1.27" },
        });
        const missing = passthrough("lock", "--stack", "s", "--explain", "quay.io/no/image:1");
        expect(missing).toMatchObject({ code: 1, out: "" });
        expect(missing.error).toContain("no set has an image quay.io/no/image:1");
    });

    test("of an archive, names that are open stop it; it goes with neither --check nor --out", () => {
        writeFileSync(join(folder, "a.lock.json"), "{}");
        for (const other of [["--check"], ["--out", "a.lock.json"]]) {
            expect(passthrough("lock", set, "--explain", "nginx", ...other)).toMatchObject({ code: 2, out: "" });
        }
        const layouts = join(FIXTURES, "../oras/index");
        expect(passthrough("lock", layouts, "--explain", "quay.io/team/multi:2.0").error).toContain("1 name has no");
        const { out } = passthrough(
            ...["lock", layouts, "--explain", "quay.io/team/multi"],
            ...["--override", "2.0=quay.io/team/multi"],
        );
        expect(out).toContain("  name from: override 2.0; the archive calls it 2.0\n");
    });
});

test("wrong usage has an exit code of its own, and writes nothing", () => {
    expect(passthrough("lock", "x.tar")).toMatchObject({ code: 2, out: "" });
    expect(passthrough("lock", "--nonsense").code).toBe(2);
    expect(passthrough("polish").error).toContain("unknown command 'polish'");
});

describe("--exclude", () => {
    const ARCHIVE = join(FIXTURES, "with-mapping");
    const lockArchive = (...more: string[]) => passthrough("lock", ARCHIVE, "--out", "a.lock.json", ...more);
    const NAME = "registry.redhat.io/team1/app1:v1";

    test("leaves images out, and --check says what differs by name and pattern until the lock file is written", () => {
        lockArchive();
        const check = lockArchive("--check", "--exclude", "registry.redhat.io/**");
        expect(check.code).toBe(65);
        expect(check.out).toContain("a.lock.json: DIFFERENT; 5 images");
        expect(check.out).toContain(`  x ${NAME} excluded by registry.redhat.io/**\n`);
        expect(check.out).not.toContain(`- ${NAME}`);
        const written = lockArchive("--exclude", "registry.redhat.io/**");
        expect(written.out).toContain("  excluded by registry.redhat.io/**: 1 image\n");
        expect(lockArchive("--check", "--exclude", "registry.redhat.io/**")).toMatchObject({ code: 0, error: "" });
        const renamed = lockArchive("--check", "--exclude", NAME);
        expect(renamed).toMatchObject({ code: 65 });
        expect(renamed.out).toContain(`  x ${NAME} excluded by ${NAME}, before by registry.redhat.io/**\n`);
        const included = lockArchive("--check");
        expect(included.code).toBe(65);
        expect(included.out).toContain(`  + ${NAME} sha256:`);
        expect(included.out).not.toContain("  x ");
    });

    test("is explained, in text and as JSON, and names a pattern that matches nothing", () => {
        const written = lockArchive("--exclude", "registry.redhat.io/**", "--exclude", "quay.io/tema0/*");
        expect(written.out).toContain("note: --exclude: quay.io/tema0/* matches no image;");
        const explain = (...more: string[]) =>
            passthrough("lock", ARCHIVE, "--explain", NAME, "--exclude", "registry.redhat.io/**", ...more);
        expect(explain()).toEqual({
            code: 0,
            error: "",
            out: `${NAME} is left out\n  exclude pattern: registry.redhat.io/**\n`,
        });
        expect(JSON.parse(explain("--json").out)).toEqual({
            image: NAME,
            pattern: "registry.redhat.io/**",
            isExcluded: true,
        });
        const json = JSON.parse(lockArchive("--json", "--exclude", NAME).out) as object;
        expect(json).toMatchObject({ excluded: { [NAME]: NAME } });
    });

    test("of a stack comes from its file, and a pattern without effect is named by its key", () => {
        const set = (exclude: readonly string[]) => ({ archive: ARCHIVE, lock: "a.lock.json", exclude });
        const write = (...exclude: readonly string[]) => {
            const site = {
                registry: { type: "distribution", mirrorBase: "registry.example:5000/mirror" },
                content: [set(exclude)],
            };
            writeFileSync(
                join(folder, "Pulumi.dev.yaml"),
                JSON.stringify({ config: { "registry-passthrough:site": site } }),
            );
        };
        write("registry.redhat.io/**", "quay.io/tema0/*");
        const locked = passthrough("lock", "--stack", "dev");
        expect(locked).toMatchObject({ code: 0 });
        expect(locked.out).toContain("note: site.content[0].exclude[1]: quay.io/tema0/* matches no image;");
        expect(passthrough("lock", "--explain", NAME).out).toBe(
            `${NAME} is left out\n  lock file: a.lock.json\n  exclude pattern: registry.redhat.io/**\n`,
        );
        write();
        const plan = passthrough("plan", "--offline", "--against", "none.json");
        expect(plan.code).not.toBe(0);
        expect(plan.error).toContain(
            "site.content[0].exclude: a.lock.json leaves out 1 image by registry.redhat.io/**",
        );
        expect(passthrough("lock", "--exclude", "x").error).toContain("a stack has site.content[].exclude");
    });
});
