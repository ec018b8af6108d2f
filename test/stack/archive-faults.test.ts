import { openSync, readFileSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { FIXTURES, TestSite } from "../support/site";

jest.setTimeout(300_000);

const FIXTURE = join(FIXTURES, "with-mapping");
const LAYER = "7557a454f0ec1ab41fa672c2564544b3f201a663d289d8286ceb6b2677cb5011";
let site: TestSite;
let tar: string;

beforeAll(async () => {
    site = await TestSite.create(FIXTURE);
    tar = join(site.folder, "set1", "mirror_000001.tar");
});

afterAll(() => site.remove());

afterEach(() => site.restore(FIXTURE, "set1"));

/** Where the body of a tar entry begins. */
function bodyOffset(entry: string): number {
    const bytes = readFileSync(tar);
    const at = bytes.indexOf(entry);
    return Math.floor(at / 512) * 512 + 512;
}

function overwrite(offset: number, bytes: Buffer): void {
    const file = openSync(tar, "r+");
    writeSync(file, bytes, 0, bytes.length, offset);
}

test("a truncated archive stops the run with place and cure, before anything is sent", async () => {
    truncateSync(tar, 100_000);
    const up = await site.stack.up();
    expect(up.code).toBe(1);
    expect(up.text).toMatch(/mirror_000001\.tar, entry \S+, offset \d+/);
    expect(up.text).toContain("copy the archive again");
    expect(site.registry.writes()).toEqual([]);
});

test("an archive that is not the locked one stops the run, before anything is sent", async () => {
    writeFileSync(tar, readFileSync(join(FIXTURES, "incremental/1/mirror_000001.tar")));
    const up = await site.stack.up();
    expect(up.code).toBe(1);
    expect(up.text).toContain("does not match");
    expect(up.text).toContain("set1.lock.json");
    expect(up.text).toContain("import the archive that was locked");
    expect(site.registry.writes()).toEqual([]);
});

test("a missing blob stops the run by digest, before anything is sent", async () => {
    const header = bodyOffset(`blobs/sha256/${LAYER.slice(0, 2)}/${LAYER}`) - 512;
    const block = Buffer.from(readFileSync(tar).subarray(header, header + 512));
    const name = block.indexOf(LAYER);
    block.write("0".repeat(8), name, "latin1");
    block.fill(" ", 148, 156);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
    overwrite(header, block);
    const up = await site.stack.up();
    expect(up.code).toBe(1);
    expect(up.text).toContain(LAYER);
    expect(site.registry.writes()).toEqual([]);
});

test("a flipped bit fails the images it is in and no other; with a good archive the next up completes", async () => {
    const offset = bodyOffset(`blobs/sha256/${LAYER.slice(0, 2)}/${LAYER}`);
    const byte = readFileSync(tar)[offset + 5000] ?? 0;
    overwrite(offset + 5000, Buffer.from([byte ^ 1]));
    const up = await site.stack.up();
    expect(up.code).toBe(1);
    expect(up.text).toContain(`mirror_000001.tar, entry docker/registry/v2/blobs/sha256/75/${LAYER}/data, offset`);
    expect(up.text).toContain(`the bytes are not sha256:${LAYER}`);
    expect(up.text).toContain("copy the archive again");
    expect(up.text).toContain("4 of 6 images are safe in the registry");
    expect(up.text).toContain("error: 1 error occurred:");
    expect(() => readFileSync(site.registry.storage("blobs", "sha256", "75", LAYER, "data"))).toThrow();

    site.restore(FIXTURE, "set1");
    site.registry.forget();
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    const puts = site.registry.writes().filter(({ method, path }) => method === "PUT" && path.includes("/manifests/"));
    expect(puts.map(({ path }) => path.split("/mirror/")[1])).toEqual(
        expect.arrayContaining(["quay.io/multi/tool/manifests/2.0"]),
    );
    expect(puts.some(({ path }) => path.includes("team0/app0"))).toBe(false);
    expect(await site.stack.preview("--expect-no-changes")).toMatchObject({ code: 0 });
});
