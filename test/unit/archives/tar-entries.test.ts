import fc from "fast-check";
import { TarEntries } from "../../../lib/archives/tar/tar-entries";
import type { TarEntry } from "../../../lib/archives/tar/entry";
import { computeDigest, digestHex } from "../../../lib/oci/digest";

const MIB = 1024 * 1024;

const hex = fc.array(fc.constantFrom(..."01ab"), { minLength: 64, maxLength: 64 }).map((digits) => digits.join(""));
const name = fc.oneof(
    hex,
    hex.map((digest) => `blobs/sha256/${digest}`),
    hex.map((digest) => `sha256:${digest}`),
    hex.map((digest) => `${digest}.tar.gz`),
    fc.string({ minLength: 1, maxLength: 5 }),
);
const entry = fc.record({
    name,
    offset: fc.maxSafeNat(),
    size: fc.maxSafeNat(),
    type: fc.constantFrom("file" as const, "device" as const),
});

test("entries are found as they were put, whatever their names", () => {
    fc.assert(
        fc.property(fc.uniqueArray(entry, { selector: (made) => made.name, maxLength: 200 }), (made) => {
            const entries = new TarEntries();
            made.forEach((one) => entries.add(one));
            for (const one of made) expect(entries.get(one.name)).toEqual(one);
            expect([...entries.names()].sort()).toEqual(made.map((one) => one.name).sort());
            expect(entries.get("blobs/sha256/none")).toBeUndefined();
            expect(entries.get(`other/${"0".repeat(64)}`)).toBeUndefined();
        }),
        { numRuns: 30 },
    );
});

test("of names that differ by their digest alone, one is enough to see what is there", () => {
    const entries = new TarEntries();
    const add = (called: string) => entries.add({ name: called, offset: 0, size: 1, type: "file" });
    for (let at = 0; at < 5000; at++) add(`blobs/sha256/${digestHex(computeDigest(`${at}`))}`);
    ["index.json", `sub/${"a".repeat(64)}`].forEach(add);
    expect([...entries.kindsOfNames()]).toEqual([
        "index.json",
        `blobs/sha256/${"0".repeat(64)}`,
        `sub/${"0".repeat(64)}`,
    ]);
});

test("two hundred thousand blobs take no more than 100 bytes each, outside of the heap", () => {
    const entries = new TarEntries();
    const before = process.memoryUsage();
    const all = 200_000;
    for (let at = 0; at < all; at++) {
        const digits = at.toString(16).padStart(8, "0").repeat(8);
        const one: TarEntry = { name: `blobs/sha256/${digits}`, offset: at, size: 1, type: "file" };
        entries.add(one);
    }
    const after = process.memoryUsage();
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(40 * MIB);
    expect(entries.get(`blobs/sha256/${"00030d3f".repeat(8)}`)).toMatchObject({ offset: 199_999 });
});
