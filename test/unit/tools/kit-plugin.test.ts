import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
    chmodSync,
    existsSync,
    mkdirSync,
    mkdtempSync,
    readFileSync,
    readdirSync,
    rmSync,
    writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { ScriptedServer } from "../../support/http-server";
import { PROJECT } from "../../support/stack";
import { type Outcome, inModule } from "./script-module";

const ARCHIVE = "pulumi-resource-kubernetes-v4.99.0-linux-amd64.tar.gz";

let root: string;

beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "kit plugin "));
    mkdirSync(join(root, "node_modules/@pulumi/kubernetes"), { recursive: true });
    const version = JSON.stringify({ version: "4.99.0", pulumi: { version: "4.99.0" } });
    writeFileSync(join(root, "node_modules/@pulumi/kubernetes/package.json"), version);
});
afterEach(() => {
    rmSync(root, { recursive: true, force: true });
});

const sum = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");

/** An archive with one file. */
function pack(
    file: string,
    content: string | Buffer,
    { name = "pulumi-resource-kubernetes", mode = 0o755 } = {},
): string {
    const folder = mkdtempSync(join(root, "content-"));
    writeFileSync(join(folder, name), content);
    chmodSync(join(folder, name), mode);
    execFileSync("tar", ["-czf", join(root, file), "-C", folder, "."]);
    return join(root, file);
}

function kubernetesPlugin(request: object, env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
    const body = `
        const notes = [];
        const progress = { note: (line) => notes.push(line), beat: (_, work) => work() };
        return { ...(await m.kubernetesPlugin({ ...input, progress })), notes: notes.join("\\n") };`;
    const fixed = { root, machine: "linux-x64", cache: join(root, "cache"), env };
    return inModule("kit/kubernetes-plugin.mjs", body, { ...fixed, ...request });
}

/** The beginning of a program for Linux (ELF header). */
function elf(machine: number): Buffer {
    const header = Buffer.alloc(64);
    header.write("\x7fELF", "latin1");
    header.writeUInt16LE(machine, 18);
    return header;
}

test("an archive that was downloaded elsewhere is taken, and its checksum is printed with what it was compared with", async () => {
    const file = pack(ARCHIVE, elf(0x3e));
    const { value, error } = await kubernetesPlugin({ file });
    expect(error).toBeUndefined();
    expect(value).toMatchObject({ name: "kubernetes", version: "4.99.0", file, archive: ARCHIVE, sha256: sum(file) });
    expect(value).toMatchObject({
        notes: expect.stringContaining(`${sum(file)}, which tools/plugins.json does not pin`),
    });
    const given = await kubernetesPlugin({ file, expected: sum(file).toUpperCase() });
    expect(given.value).toMatchObject({ notes: expect.stringContaining(`${sum(file)}, as given`) });
});

test.each([
    [
        "another checksum than the one given",
        () => ({ file: pack(ARCHIVE, "x"), expected: "0".repeat(64) }),
        /but --kubernetes-plugin-sha256 has 0{64}/,
    ],
    [
        "another version",
        () => ({ file: pack(ARCHIVE.replace("4.99.0", "4.98.0"), "x") }),
        /another version or for another machine/,
    ],
    [
        "another machine, by its name",
        () => ({ file: pack(ARCHIVE.replace("amd64", "arm64"), "x") }),
        /the kit needs .*v4\.99\.0-linux-amd64/,
    ],
    ["another machine, by its program", () => ({ file: pack("renamed.tar.gz", elf(0xb7)) }), /is not for linux-x64/],
    ["something else than a program", () => ({ file: pack(ARCHIVE, "program") }), /is no program for linux-x64/],
    ["an empty program", () => ({ file: pack(ARCHIVE, "") }), /is no program for linux-x64/],
    [
        "no program",
        () => ({ file: pack(ARCHIVE, "x", { name: "README.md" }) }),
        /has no program pulumi-resource-kubernetes/,
    ],
    ["a program that cannot be executed", () => ({ file: pack(ARCHIVE, "x", { mode: 0o644 }) }), /has no program/],
    [
        "no archive",
        () => ({ file: join(root, "node_modules/@pulumi/kubernetes/package.json") }),
        /is not a gzip-compressed tar/,
    ],
    ["no file", () => ({ file: join(root, "absent.tar.gz") }), /there is no .*absent/],
])("an archive with %s is refused", async (_, request, reason) => {
    expect((await kubernetesPlugin(request())).error).toMatch(reason);
});

test("a script is taken from a file that was given, and said", async () => {
    const file = pack(ARCHIVE, "#!/bin/sh\nexit 1\n");
    const { value, error } = await kubernetesPlugin({ file });
    expect(error).toBeUndefined();
    expect(value).toMatchObject({ file, notes: expect.stringMatching(/is a script, not a program for linux-x64/) });
    expect((await kubernetesPlugin({ file: pack(ARCHIVE, elf(0x3e)) })).value).not.toMatchObject({
        notes: expect.stringMatching(/script/),
    });
});

describe("a download", () => {
    let server: ScriptedServer;
    let content: Buffer;
    let env: NodeJS.ProcessEnv;

    beforeEach(async () => {
        server = await ScriptedServer.start(() => ({ status: 200, body: content }));
        env = { REGISTRY_PASSTHROUGH_DOWNLOADS: server.origin };
    });
    afterEach(() => server.stop());
    const asked = () => server.seen.map(({ url }) => url);

    test("comes from where the engine gets it, is kept, and fetched again when what is kept is damaged", async () => {
        content = readFileSync(pack("release.tar.gz", elf(0x3e)));
        const { value, error } = await kubernetesPlugin({}, env);
        expect(error).toBeUndefined();
        const kept = join(root, "cache/plugins", ARCHIVE);
        expect(value).toMatchObject({ file: kept, sha256: sum(kept) });
        expect(asked()).toEqual([`/get.pulumi.com/releases/plugins/${ARCHIVE}`]);
        await kubernetesPlugin({}, env);
        expect(asked()).toHaveLength(1);
        writeFileSync(kept, "damaged");
        expect((await kubernetesPlugin({}, env)).error).toBeUndefined();
        expect(asked()).toHaveLength(2);
        expect(readFileSync(kept)).toEqual(content);
    });

    test("with another content than it has to have is not kept", async () => {
        content = Buffer.from("<html>log in</html>", "utf8");
        expect((await kubernetesPlugin({}, env)).error).toMatch(/is not a gzip-compressed tar archive/);
        content = readFileSync(pack("release.tar.gz", elf(0x3e)));
        expect((await kubernetesPlugin({ expected: "1".repeat(64) }, env)).error).toMatch(/has the SHA-256/);
        for (const program of ["#!/bin/sh\n", elf(0xb7)]) {
            content = readFileSync(pack("release.tar.gz", program));
            const { error } = await kubernetesPlugin({}, env);
            expect(error).toMatch(/linux-amd64\.tar\.gz is (no program|not) for linux-x64\n/);
            expect(error).toContain("--kubernetes-plugin FILE");
        }
        expect(readdirSync(join(root, "cache/plugins"))).toEqual([]);
    });

    test("that fails names every other way", async () => {
        const { error } = await kubernetesPlugin({}, { REGISTRY_PASSTHROUGH_DOWNLOADS: "http://127.0.0.1:1" });
        expect(error).toMatch(/could not be downloaded from http:\/\/127\.0\.0\.1:1\/get\.pulumi\.com\/.*ECONNREFUSED/);
        expect(error).toContain("--kubernetes-plugin FILE");
        expect(error).toContain("--without-kubernetes-plugin");
        expect(existsSync(join(root, "cache/plugins", ARCHIVE))).toBe(false);
    });
});

test("the archives whose checksums may be pinned are those of the npm package's version", async () => {
    const body = `return ["linux-x64", "linux-arm64"].map((one) => m.pluginArchiveName(m.kubernetesPluginVersion(input), one))`;
    const { value } = await inModule("kubernetes-plugin.mjs", body, PROJECT);
    const pins = JSON.parse(readFileSync(join(PROJECT, "tools/plugins.json"), "utf8")) as Record<string, string | null>;
    expect(Object.keys(pins).map((file) => basename(file))).toEqual(value);
});
