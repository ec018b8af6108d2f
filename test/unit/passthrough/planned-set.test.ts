import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RegistryClient } from "../../../lib/distribution/client/registry-client";
import { type Lock, lockDigest, writeLock } from "../../../lib/lock";
import { parseMirrorBase } from "../../../lib/mirror/mirror-reference";
import { computeDigest } from "../../../lib/oci/digest";
import { planLockedSet } from "../../../lib/passthrough";

const LOCK: Lock = {
    lockVersion: 1,
    format: "oci-layout",
    parts: [{ name: "index.json", size: 1 }],
    images: {},
    manifests: {},
    blobs: {},
    earlier: { images: {}, manifests: {}, blobs: {} },
    absent: [],
};
const folder = mkdtempSync(join(tmpdir(), "planned set "));
const lock = join(folder, "s.lock.json");
const client = new RegistryClient({ endpoint: { host: "localhost:1", plainHttp: true } });
const OPTIONS = { base: parseMirrorBase("localhost:1/mirror"), kind: "distribution" } as const;

afterAll(async () => {
    await client.close();
    rmSync(folder, { recursive: true });
});

test("a lock that is another one than the run was laid out by is LOCK_CHANGED; excluded images do not count", async () => {
    const set = { archive: ["a"], lock, lockDigest: lockDigest(LOCK), images: {} };
    await writeLock(lock, { ...LOCK, excluded: { "quay.io/org/app:1": "quay.io/**" } });
    expect((await planLockedSet(client, set, OPTIONS)).plan.push).toEqual([]);
    await writeLock(lock, { ...LOCK, parts: [{ name: "index.json", size: 2 }] });
    await expect(planLockedSet(client, set, OPTIONS)).rejects.toMatchObject({
        code: "LOCK_CHANGED",
        place: { file: lock },
        fix: "run again",
    });
});

test("an image that the lock names and does not describe is LOCK_INCOMPLETE", async () => {
    await writeLock(lock, LOCK);
    const digest = computeDigest("app");
    const questions = {
        manifestHead: () => Promise.resolve(undefined),
        manifestGet: () => Promise.resolve(undefined),
        blobHead: () => Promise.resolve(undefined),
        willRead: () => undefined,
    };
    const set = { archive: ["a"], lock, lockDigest: lockDigest(LOCK), images: { "quay.io/org/app:1": digest } };
    const planned = planLockedSet(client, set, { ...OPTIONS, questions }).then(
        ({ plan }) => plan.problems.flatMap(({ problems }) => problems.map(({ code }) => code)),
        (error: unknown) => [(error as { code: string }).code],
    );
    expect(await planned).toEqual(["LOCK_INCOMPLETE"]);
});
