import {
    type Asked,
    type Fault,
    digestAsked,
    htmlError,
    isBlobPut,
    isManifestPut,
    isMountPost,
    isUploadPost,
    registryError,
} from "../support/faults/fault";
import { faultCase } from "../support/faults/fault-case";
import { FaultSite } from "../support/faults/fault-site";
import { seededSet } from "../support/faults/seeded-set";
import { problemText } from "../support/problems";

let site: FaultSite;

beforeAll(async () => {
    site = await FaultSite.start();
});
afterAll(() => site.stop());

interface Refusal {
    readonly fault: Fault;
    readonly kinds: readonly ((asked: Asked) => boolean)[];
    /** What the message must say: the registry's word, and what to change. */
    readonly words: readonly string[];
}

const REFUSALS: Readonly<Record<string, Refusal>> = {
    // Harbor, src/server/middleware/quota
    "403 for a full quota": {
        fault: registryError(
            403,
            "DENIED",
            "adding 1.0 MiB of storage resource, which when updated to current usage of 9.9 MiB will exceed the configured upper limit of 10.0 MiB.",
        ),
        kinds: [isBlobPut, isManifestPut],
        words: ["DENIED (403)", "exceed the configured upper limit", "more quota"],
    },
    "403 DENIED for a missing right": {
        fault: registryError(403, "DENIED", "requested access to the resource is denied"),
        kinds: [isUploadPost, isManifestPut],
        words: ["DENIED (403)", "requested access to the resource is denied", "give the account the right it lacks"],
    },
    // nginx, client_max_body_size
    "413 of a web server in front": {
        fault: { ...htmlError(413, "Request Entity Too Large"), unread: true } as Fault,
        kinds: [isBlobPut],
        words: ["(413)", "raise the largest body"],
    },
    // distribution, storage.maintenance.readonly
    "405 of a read-only registry": {
        fault: registryError(405, "UNSUPPORTED", "The operation is unsupported."),
        kinds: [isUploadPost, isManifestPut],
        words: ["UNSUPPORTED (405)", "the registry is read-only"],
    },
};

for (const [name, { fault, kinds, words }] of Object.entries(REFUSALS)) {
    faultCase(name, { all: 20, sample: 2 }, async ({ random, count }) => {
        site.clear();
        const content = seededSet(random, { images: 3 });
        const chosen = random.pick(kinds);
        const refused = `app${random.between(0, 2)}`;
        const asked = new Map<string, number>();
        site.proxy.script = (request) => {
            if (!chosen(request) || !request.url.includes(`/${refused}/`)) return undefined;
            // A POST does not say which blob it is for, unless it asks for a mount.
            const isPlainPost = isUploadPost(request) && !isMountPost(request);
            const what = isPlainPost ? "POST" : isBlobPut(request) ? digestAsked(request) : request.url;
            asked.set(what, (asked.get(what) ?? 0) + 1);
            return fault;
        };
        const outcome = await site.bring(content);
        expect(outcome.error).toBeUndefined();
        const failed = outcome.result?.failed ?? [];
        expect(failed.map(({ source }) => source.includes(refused))).toEqual([true]);
        expect(Object.keys(outcome.result?.done ?? {})).toHaveLength(2);
        for (const word of words) expect(problemText(failed[0])).toContain(word);
        // Nobody who was refused asks again: each blob and manifest once. After a 413 a blob is sent in chunks, which a PUT ends.
        const most = words[0] === "(413)" ? 2 : 1;
        const posts = asked.get("POST") ?? 0;
        asked.delete("POST");
        const needed = outcome.plan?.push.find(({ task }) => task.source.includes(refused))?.needs.length ?? 0;
        expect(posts).toBeLessThanOrEqual(needed);
        expect([...asked.values()].filter((times) => times > most)).toEqual([]);
        count("requests refused", posts + asked.size);
        site.holdsNothingWrong();
        count("blobs of the next run", await site.converges(content));
    });
}
