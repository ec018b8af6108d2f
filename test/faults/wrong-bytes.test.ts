import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { faultCase } from "../support/faults/fault-case";
import { FaultSite } from "../support/faults/fault-site";
import { seededSet } from "../support/faults/seeded-set";
import { problemText } from "../support/problems";

const ONCE = { seconds: 0, firstDelay: 1, longestDelay: 1 };
let site: FaultSite;

beforeAll(async () => {
    site = await FaultSite.start();
});
afterAll(() => site.stop());

faultCase("the registry's storage holds wrong or short bytes", { all: 50, sample: 3 }, async ({ random, count }) => {
    site.clear();
    const content = seededSet(random, { images: 3, shared: 0 });
    expect((await site.bring(content)).result?.failed).toEqual([]);
    const digests = [...content.bytes.keys()];
    const damaged = new Set(Array.from({ length: random.between(1, 3) }, () => random.pick(digests)));
    for (const digest of damaged) {
        const file = site.storage.blobFile(digest);
        const bytes = readFileSync(file);
        if (random.between(0, 1) === 0) {
            const at = random.between(0, bytes.length - 1);
            bytes[at] = (bytes[at] ?? 0) ^ (1 << random.between(0, 7));
            writeFileSync(file, bytes);
            count("bits flipped");
        } else {
            truncateSync(file, random.between(0, bytes.length - 1));
            count("files cut");
        }
    }
    // Every damaged image is named, and no other.
    const expected = Object.entries(content.set.images).filter(([, root]) => {
        const tree = [root, ...(content.set.manifests[root]?.manifests ?? [])];
        const objects = tree.flatMap((digest) => [digest, ...(content.set.manifests[digest]?.blobs ?? [])]);
        return objects.some((digest) => damaged.has(digest));
    });
    const suspects = expected.map(([source]) => source);
    const { failures, unread } = await site.verify(content, { retry: ONCE });
    expect([...failures, ...unread].map(({ source }) => source).sort()).toEqual(suspects.sort());
    // distribution answers 500 for a manifest that it cannot parse: no verdict, and it says of which.
    const unreadable = [...damaged].filter((digest) => content.set.manifests[digest] !== undefined);
    for (const why of unread.map(problemText)) expect(unreadable.some((digest) => why.includes(digest))).toBe(true);
    count("images found damaged", failures.length);
    count("images that could not be read", unread.length);
    // As the message says: the damaged files go, the next run brings them and nothing else.
    for (const digest of damaged) site.loseBlob(digest);
    const blobs = [...damaged].filter((digest) => content.set.blobs[digest] !== undefined);
    expect(await site.converges(content, { suspects })).toBe(blobs.length);
});
