import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import { type Archive, describeArchive, openArchive } from "../../lib/archives";
import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { executePlan, imageTask, planImport, problemLines, verifyImages } from "../../lib/import";
import type { Lock } from "../../lib/lock";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { carryOut } from "../../lib/passthrough";
import { refusesSparseIndexes } from "../../lib/passthrough/sparse-indexes";
import { ociLayoutFiles, testImage } from "../support/archives";
import { RegistryProcess } from "../support/registry-process";

/** regctl image copy of a Docker image, one of whose layers is foreign: it is not in the layout. */
const LAYOUT = join(__dirname, "../fixtures/archives/regctl/foreign-layer");
const SOURCE = "quay.io/team/foreign:1.0";
const LAYER = "sha256:656771905e1ef731f65cd0a0d9fb061238380a1a012e6abdf846ecc7d2ea36fd";
const OVERRIDE = { match: "1.0", registry: "quay.io", repository: "team/foreign" };
const KIND = { registryKind: "distribution" } as const;

let archive: Archive;
let lock: Lock;
let registry: RegistryProcess | undefined;
let client: RegistryClient | undefined;

beforeAll(async () => {
    archive = await openArchive(LAYOUT);
    const { lock: described, notes } = await describeArchive(archive, [OVERRIDE]);
    expect(notes).toEqual([expect.stringContaining(`${SOURCE}: layer ${LAYER} is not distributable`)]);
    lock = described;
});

afterAll(() => archive.close());

afterEach(async () => {
    await client?.close();
    await registry?.stop();
});

async function importInto(options: Parameters<typeof RegistryProcess.start>[0]) {
    registry = await RegistryProcess.start(options);
    client = new RegistryClient({ endpoint: { host: registry.host, plainHttp: true } });
    const base = parseMirrorBase(`${registry.host}/mirror`);
    const plan = await planImport(client, { images: lock.images, set: lock, base, suspects: new Set() });
    const result = await executePlan(client, archive.source, plan);
    const check = { ...imageTask(base, SOURCE, lock.images[SOURCE] ?? ""), whole: true };
    const verify = (absent: readonly string[]) =>
        verifyImages(client as RegistryClient, [check], { absent: new Set(absent) });
    return { result, verify, puts: registry.writes().filter(({ path }) => path.includes("/manifests/")) };
}

test("the lock lists the layer as absent", () => {
    expect(lock.manifests[lock.images[SOURCE] ?? ""]?.absent).toEqual([LAYER]);
});

test("an image with such a layer is no sparse index", async () => {
    registry = await RegistryProcess.start({});
    client = new RegistryClient({ endpoint: { host: registry.host, plainHttp: true } });
    const base = parseMirrorBase(`${registry.host}/mirror`);
    const request = { images: lock.images, set: lock, base, suspects: new Set<string>(), refusesSparseIndexes: true };
    expect((await planImport(client, request)).problems).toEqual([]);
    expect(await refusesSparseIndexes(client, "harbor", lock)).toBe(false);
});

test("a registry that allows the layer's URL takes the image, and the proof leaves that layer out, and no other", async () => {
    const { result, verify } = await importInto({ layerUrls: ["^https://mcr\\.example/"] });
    expect(result.failed).toEqual([]);
    expect((await verify([LAYER])).failures).toEqual([]);
    expect((await verify([LAYER])).proofs).toMatchObject([{ source: SOURCE }]);
    expect((await verify([])).failures).toEqual([
        {
            source: SOURCE,
            problems: [
                expect.objectContaining({
                    code: "BLOB_UNKNOWN",
                    thing: `blob mirror/quay.io/team/foreign@${LAYER}`,
                    problem: "it is missing",
                }),
            ],
        },
    ]);
});

test("a registry that allows no URLs, as distribution comes, is asked once, and the error names the setting", async () => {
    const { result, puts } = await importInto({});
    expect(result.failed).toMatchObject([{ source: SOURCE }]);
    const text = JSON.stringify(result.failed);
    expect(text).toContain(LAYER);
    expect(text).toContain("validation.manifests.urls.allow");
    expect(puts).toHaveLength(1);
});

test("the line that the error has to paste leaves the image out, and the rest of the set goes in", async () => {
    const folder = mkdtempSync(join(tmpdir(), "foreign "));
    cpSync(LAYOUT, join(folder, "foreign"), { recursive: true });
    for (const [name, bytes] of ociLayoutFiles([{ image: testImage("other"), name: "quay.io/team/other:1" }])) {
        mkdirSync(dirname(join(folder, "other", name)), { recursive: true });
        writeFileSync(join(folder, "other", name), bytes);
    }
    registry = await RegistryProcess.start({});
    const importSet = async (exclude: readonly string[]) => {
        const opened = await openArchive(folder);
        const patterns = exclude.map((pattern) => ({ key: "site.content[0].exclude", pattern }));
        const { lock: set } = await describeArchive(opened, [OVERRIDE], { exclude: patterns });
        await opened.close();
        const own = new RegistryClient({ endpoint: { host: registry?.host ?? "", plainHttp: true } });
        const base = parseMirrorBase(`${registry?.host ?? ""}/mirror`);
        const plan = await planImport(own, { images: set.images, set, base });
        const result = await carryOut(own, plan, { archive: [folder], path: "x.lock.json", lock: set }, KIND);
        await own.close();
        return { result, set };
    };
    const rejected = await importSet([]);
    const [text = ""] = problemLines(rejected.result.failed);
    expect(text).toContain("FOREIGN_LAYERS_REJECTED");
    const [line = ""] = /exclude: \[[^\]]*\]/.exec(text) ?? [];
    const { exclude } = parse(line) as { exclude: string[] };
    expect(exclude).toEqual([SOURCE]);
    const { result, set } = await importSet(exclude);
    expect(result.failed).toEqual([]);
    expect(set.excluded).toEqual({ [SOURCE]: SOURCE });
    expect(Object.keys(result.done)).toEqual(["quay.io/team/other:1"]);
    rmSync(folder, { recursive: true, force: true });
});
