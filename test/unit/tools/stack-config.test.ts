import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { inModule } from "./script-module";

const DEFAULTS = { "p:defaults": { registry: { mirrorBase: "localhost:1/mirror", ca: "ca.crt" } } };
let folder: string;
let files: { tracked: string; config: string; origins: string };

beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "stack config "));
    files = {
        tracked: join(folder, "Pulumi.dev.yaml"),
        config: join(folder, "generated.yaml"),
        origins: join(folder, "origins.json"),
    };
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function write(runtime?: object): Promise<Record<string, Record<string, unknown>>> {
    const { error } = await inModule("stack-config.mjs", "m.writeStackConfig(input.files, input.runtime);", {
        files,
        runtime,
    });
    expect(error).toBeUndefined();
    return parse(readFileSync(files.config, "utf8"));
}

const track = (config: object) => writeFileSync(files.tracked, JSON.stringify({ config }));

test("the tracked file wins, what only the generated one has stays", async () => {
    track({ "p:site": { a: 1 } });
    writeFileSync(
        files.config,
        JSON.stringify({ encryptionsalt: "s", config: { "p:site": { a: 0 }, "p:secret": "x" } }),
    );
    const merged = await write(DEFAULTS);
    expect(merged).toEqual({ encryptionsalt: "s", config: { "p:site": { a: 1 }, "p:secret": "x", ...DEFAULTS } });
    expect(statSync(files.config).mode & 0o777).toBe(0o600);
});

test("a key that the tracked file loses is lost, one that config set added is kept", async () => {
    track({ "p:site": 1, "p:old": 2 });
    await write(DEFAULTS);
    const generated = parse(readFileSync(files.config, "utf8"));
    generated.config["p:mine"] = 3;
    writeFileSync(files.config, JSON.stringify(generated));
    track({ "p:site": 1 });
    expect((await write(DEFAULTS))["config"]).toEqual({ "p:site": 1, "p:mine": 3, ...DEFAULTS });
});

test("tracked fields stand above those made at run time, also when only the tracked file changed", async () => {
    track({ "p:defaults": { registry: { ca: "mine.crt" }, upstreams: ["quay.io"] } });
    const expected = { registry: { mirrorBase: "localhost:1/mirror", ca: "mine.crt" }, upstreams: ["quay.io"] };
    expect((await write(DEFAULTS))["config"]).toEqual({ "p:defaults": expected });
    expect((await write())["config"]).toEqual({ "p:defaults": expected });
    track({});
    expect((await write())["config"]).toEqual(DEFAULTS);
});

test("nothing is written when nothing changed", async () => {
    track({ "p:site": 1 });
    await write(DEFAULTS);
    const before = statSync(files.config, { bigint: true });
    await write(DEFAULTS);
    expect(statSync(files.config, { bigint: true })).toMatchObject({ ino: before.ino, mtimeNs: before.mtimeNs });
});
