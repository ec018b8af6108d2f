import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Lock, compareLocks, lockDigest, parseLock, readLock, writeLock } from "../../../lib/lock";
import { serialiseLock } from "../../../lib/lock/lock";
import { computeDigest } from "../../../lib/oci/digest";
import { PassthroughError } from "../../../lib/errors/errors";
import { makeFolder } from "../../support/archives";

const golden = join(__dirname, "../../fixtures/locks/with-mapping.lock.json");
const [a, b, c, d] = ["a", "b", "c", "d"].map((seed) => computeDigest(seed)) as [string, string, string, string];

const lock: Lock = {
    lockVersion: 1,
    format: "oc-mirror",
    parts: [{ name: "mirror_000001.tar", size: 10 }],
    images: { "quay.io/org/app:2": a, "quay.io/org/app:1": a },
    manifests: { [a]: { size: 5, mediaType: "application/vnd.oci.image.manifest.v1+json", blobs: [b, c] } },
    blobs: { [b]: 7 },
    earlier: {
        images: { "quay.io/org/old:1": d },
        manifests: {},
        blobs: { [c]: { from: ["quay.io/org/old"], size: 9 } },
    },
    absent: ["quay.io/z/z:1", "quay.io/y/y:1"],
};

const INDEX = { size: 5, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [a], absent: [b] };

/** A lock with an image of so many indexes, each in the one before. */
function nested(levels: number): string {
    const digests = Array.from({ length: levels }, (_, level) => computeDigest(`level ${level}`));
    const indexes = digests.map((digest, level) => [digest, { ...INDEX, manifests: [digests[level + 1] ?? a] }]);
    const manifests = { ...lock.manifests, ...(Object.fromEntries(indexes) as Lock["manifests"]) };
    return serialiseLock({ ...lock, images: { "quay.io/org/app:1": digests[0] ?? a }, manifests });
}

function refused(text: string): PassthroughError {
    try {
        parseLock(text, "content/x.lock.json");
    } catch (error) {
        if (error instanceof PassthroughError) return error;
    }
    throw new Error("not refused");
}

/** Every way to put something else in place of one value of a document, at whatever depth. */
function* replaced(value: unknown, junk: unknown): Generator<unknown> {
    yield junk;
    if (typeof value !== "object" || value === null) return;
    for (const [key, part] of Object.entries(value)) {
        for (const other of replaced(part, junk)) {
            yield Array.isArray(value) ? value.with(Number(key), other) : { ...value, [key]: other };
        }
    }
}

const changed = (change: object): string => JSON.stringify({ ...lock, ...change });

describe("a lock of version 1", () => {
    it("is read from the golden file and written back to the byte, for ever", async () => {
        const read = await readLock(golden);
        expect(Object.keys(read.images)).toHaveLength(6);
        expect(serialiseLock(read)).toBe(await readFile(golden, "utf8"));
        expect(lockDigest(read)).toBe("sha256:2f45a1de94c1fc40ae4c207fa81c7a3e3199b216d0ad610a66133b66bf7e62fd");
    });

    it.each([null, -1, true, [[]], { x: {} }])("is refused with %j in place of any value of it", (junk) => {
        const whole = {
            ...lock,
            marks: { "quay.io/org/app:1": "rebuilt" },
            manifests: { ...lock.manifests, [d]: INDEX },
        };
        expect(parseLock(JSON.stringify(whole), "x").manifests).toEqual(whole.manifests);
        const documents = [...replaced(whole, junk)];
        expect(documents.length).toBe(40);
        for (const document of documents) expect(refused(JSON.stringify(document)).code).toMatch(/^LOCK_/);
    });

    it("is refused with a field too many anywhere, and takes no name that is a prototype", () => {
        const facts = { size: 1, from: [] };
        for (const change of [
            { x: 1 },
            { earlier: { ...lock.earlier, x: 1 } },
            { manifests: { ...lock.manifests, [b]: { ...lock.manifests[a], x: 1 } } },
            { manifests: { ...lock.manifests, x: lock.manifests[a] } },
            { blobs: { ...lock.blobs, x: 1 } },
            { earlier: { ...lock.earlier, blobs: { ...lock.earlier.blobs, [a]: { ...facts, x: 1 } } } },
            { earlier: { ...lock.earlier, manifests: { x: facts } } },
        ]) {
            expect(refused(changed(change)).code).toBe("LOCK_INVALID");
        }
        const text = JSON.stringify(lock).replace('"images":{', `"images":{"__proto__":"${a}",`);
        expect(Object.entries(parseLock(text, "x").images)).toEqual(Object.entries(lock.images));
    });

    it("tells images whose digest is not upstream's, and only then has a field for it", () => {
        const marked: Lock = { ...lock, marks: { "quay.io/org/old:1": "rebuilt", "quay.io/org/app:1": "tag-only" } };
        const text = serialiseLock(marked);
        expect(text).toContain(
            '  "marks": {\n    "quay.io/org/app:1": "tag-only",\n    "quay.io/org/old:1": "rebuilt"\n  },\n',
        );
        expect(parseLock(text, "x").marks).toEqual(marked.marks);
        expect(serialiseLock({ ...lock, marks: {} })).toBe(serialiseLock(lock));
        expect(refused(changed({ marks: { "quay.io/org/no:1": "tag-only" } })).message).toContain(
            "image quay.io/org/no:1 is marked, but the lock has no such image",
        );
        const untagged = `quay.io/org/app@${a}`;
        const images = { ...lock.images, [untagged]: a };
        expect(refused(changed({ images, marks: { [untagged]: "tag-only" } })).message).toContain("has no tag");
        expect(refused(changed({ marks: { "quay.io/org/app:1": "new" } })).code).toBe("LOCK_INVALID");
    });

    it("tells what clusters need to know, and only then has a field for it", () => {
        const [app, old] = ["quay.io/org/app:1", "quay.io/org/old:1"];
        const cluster = { catalogs: [old, app], releases: { [app]: "4.18.20" }, signatures: { [a]: ["AA==", "BB=="] } };
        const text = serialiseLock({ ...lock, cluster: { ...cluster, graphImage: app } });
        expect(text).toMatch(
            /\n {2}"cluster": \{\n {4}"catalogs": \[\n {6}"quay.io\/org\/app:1",\n {6}"quay.io\/org\/old:1"\n {4}\],\n/,
        );
        expect(text).toContain(
            `    "signatures": {\n      "${a}": ["AA==","BB=="]\n    },\n    "graphImage": "${app}"\n  }\n}`,
        );
        expect(serialiseLock(parseLock(text, "x"))).toBe(text);
        const nothing = { catalogs: [], releases: {}, signatures: {} };
        expect(serialiseLock({ ...lock, cluster: nothing })).toBe(serialiseLock(lock));
        for (const change of [
            { catalogs: ["quay.io/no:1"] },
            { releases: { "quay.io/no:1": "" } },
            { graphImage: "quay.io/no:1" },
        ])
            expect(refused(changed({ cluster: { ...cluster, ...change } })).message).toContain(
                "cluster names quay.io/no:1, which the lock lacks",
            );
        for (const change of [{ signatures: { [a]: ["no base64!"] } }, { signatures: { x: ["AA=="] } }, { more: 1 }])
            expect(refused(changed({ cluster: { ...cluster, ...change } })).code).toBe("LOCK_INVALID");
    });

    it("is written with sorted keys, one line per image, manifest and blob", () => {
        expect(serialiseLock(lock)).toBe(`{
  "lockVersion": 1,
  "format": "oc-mirror",
  "parts": [
    {"name":"mirror_000001.tar","size":10}
  ],
  "images": {
    "quay.io/org/app:1": "${a}",
    "quay.io/org/app:2": "${a}"
  },
  "manifests": {
    "${a}": {"mediaType":"application/vnd.oci.image.manifest.v1+json","size":5,"blobs":["${b}","${c}"]}
  },
  "blobs": {
    "${b}": 7
  },
  "earlier": {
    "images": {
      "quay.io/org/old:1": "${d}"
    },
    "manifests": {},
    "blobs": {
      "${c}": {"size":9,"from":["quay.io/org/old"]}
    }
  },
  "absent": [
    "quay.io/y/y:1",
    "quay.io/z/z:1"
  ]
}
`);
    });

    it("has one digest for one content, however it was put together", () => {
        const reordered = {
            ...lock,
            images: { "quay.io/org/app:1": a, "quay.io/org/app:2": a },
            absent: [...lock.absent].reverse(),
        };
        expect(lockDigest(reordered)).toBe(lockDigest(lock));
        expect(lockDigest({ ...lock, absent: [] })).not.toBe(lockDigest(lock));
        expect(lockDigest(parseLock(serialiseLock(lock), "x"))).toBe(lockDigest(lock));
    });
});

describe("a lock is refused, naming the file and the cure,", () => {
    it.each<[string, string, string]>([
        ["that is not JSON", "<<<<<<< HEAD", "not JSON"],
        ["without a version", "{}", "lockVersion"],
        ["with an unknown field", changed({ extra: 1 }), "extra"],
        ["of an unknown format", changed({ format: "zip" }), "format"],
        ["with a name that is not canonical", changed({ images: { "nginx:1": a } }), "docker.io/library/nginx:1"],
        ["with a digest that is none", changed({ images: { "quay.io/a/b:1": "sha256:1" } }), "not sha256:"],
        ["with a negative size", changed({ blobs: { [b]: -1 } }), "blobs"],
        ["with a part that is a path", changed({ parts: [{ name: "../x", size: 1 }] }), "not a base name"],
        ["without parts", changed({ parts: [] }), "parts"],
        [
            "whose image it lacks",
            changed({ images: { "quay.io/a/b:1": d } }),
            `image quay.io/a/b:1 is ${d}, which the lock lacks`,
        ],
        [
            "with a key twice",
            serialiseLock(lock).replace('"images": {', '"images": {\n"quay.io/org/app:1": "x",'),
            "line 9 has the key",
        ],
        [
            "whose index is in itself",
            changed({ manifests: { ...lock.manifests, [d]: { ...INDEX, manifests: [d] } } }),
            `manifest ${d} is, or is within, an index that contains itself`,
        ],
        ["with 10,000 nested indexes", nested(10_000), "is below more than 32 indexes"],
        ["whose blob it lacks", changed({ blobs: {} }), `manifest ${a} names ${b}, which the lock lacks`],
    ])("%s", (_, text, what) => {
        const error = refused(text);
        expect(error.code).toBe("LOCK_INVALID");
        expect(error.message).toMatch(/^LOCK_INVALID in content\/x\.lock\.json: not a lock: /);
        expect(error.message).toContain(what);
        expect(error.fix).toContain("passthrough -- lock");
    });

    it("of a later version", () => {
        const error = refused(changed({ lockVersion: 2 }));
        expect(error.code).toBe("LOCK_VERSION_UNKNOWN");
        expect(error.message).toContain(
            "content/x.lock.json: lock version 2 is not known here (1 is); update this program",
        );
    });

    it("that is not there", async () => {
        await expect(readLock("/no/such.lock.json")).rejects.toMatchObject({ code: "LOCK_NOT_FOUND" });
        await expect(readLock("/")).rejects.toMatchObject({ code: "LOCK_UNREADABLE" });
    });
});

describe("writing a lock", () => {
    it("makes its folder, takes the place of the old one, and leaves nothing else behind", async () => {
        const folder = await makeFolder([]);
        const path = join(folder.path, "content", "x.lock.json");
        await writeLock(path, { ...lock, absent: [] });
        await writeLock(path, lock);
        expect(await readFile(path, "utf8")).toBe(serialiseLock(lock));
        expect(await readdir(join(folder.path, "content"))).toEqual(["x.lock.json"]);
        await folder.remove();
    });

    it("leaves nothing behind when it fails", async () => {
        const folder = await makeFolder([["x.lock.json/in-the-way", Buffer.from("")]]);
        await expect(writeLock(join(folder.path, "x.lock.json"), lock)).rejects.toMatchObject({ code: "EISDIR" });
        expect(await readdir(folder.path)).toEqual(["x.lock.json"]);
        await writeFile(join(folder.path, "probe"), "");
        await folder.remove();
    });
});

describe("comparing locks", () => {
    const facts = { size: 5, mediaType: "application/vnd.oci.image.manifest.v1+json" };

    it("names images that come, go and change, and counts the bytes that only the new one has", () => {
        const after: Lock = {
            ...lock,
            images: { "quay.io/org/app:1": d, "quay.io/org/new:1": a },
            manifests: { ...lock.manifests, [d]: { ...facts, blobs: [b] } },
            blobs: { [b]: 7, [c]: 100 },
            earlier: { images: {}, manifests: {}, blobs: {} },
        };
        expect(compareLocks(lock, after)).toEqual({
            added: ["quay.io/org/new:1"],
            removed: ["quay.io/org/app:2", "quay.io/org/old:1"],
            changed: [{ image: "quay.io/org/app:1", before: a, after: d }],
            unchanged: 0,
            bytes: 105,
        });
    });

    it("counts everything as new for the first lock, and nothing for the same", () => {
        expect(compareLocks(undefined, lock)).toMatchObject({
            added: ["quay.io/org/app:1", "quay.io/org/app:2", "quay.io/org/old:1"],
            bytes: 12,
        });
        expect(compareLocks(lock, lock)).toEqual({ added: [], removed: [], changed: [], unchanged: 3, bytes: 0 });
    });

    it("does not count an image as removed that the newer archive builds on", () => {
        const after = {
            ...lock,
            images: {},
            earlier: { ...lock.earlier, images: { ...lock.images, ...lock.earlier.images } },
        };
        expect(compareLocks(lock, after)).toMatchObject({ added: [], removed: [], unchanged: 3 });
    });
});
