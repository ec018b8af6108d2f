import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { describeArchive, openArchive } from "../../lib/archives";
import { formatImages, toImageMap } from "../../lib/import";
import { lockDigest, writeLock } from "../../lib/lock";
import { importRemotely, type ImportRequest, type RemoteLine } from "../../lib/remote-import";
import { runImportRequest } from "../../lib/remote-import/run-request";
import { readReport } from "../../lib/remote-import/report";
import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { planLockedSet } from "../../lib/passthrough";
import { makeFolder, ocMirrorEntries, tar, testImage } from "../support/archives";
import { CountingProxy } from "../support/counting-proxy";
import { RegistryProcess } from "../support/registry-process";

jest.setTimeout(120_000);

const SHARDS = 3;
let registry: RegistryProcess;
let proxy: CountingProxy;
let client: RegistryClient;
let folder: string;
let request: ImportRequest;

/** Images that share layers, in repositories of their own. */
async function makeArchive(): Promise<string> {
    const shared = [randomBytes(300_000), randomBytes(200_000)];
    const tags = Array.from({ length: 9 }, (_, index) => {
        const image = testImage(`app${index}`, { layers: [...shared, randomBytes(40_000 + 7000 * index)] });
        return { repository: `org/app${index}`, tag: "1", image };
    });
    const imageSet = tags.map(({ repository }) => `quay.io/${repository}:1`);
    const made = await makeFolder([["mirror_000001.tar", tar(ocMirrorEntries({ tags, imageSet }))]]);
    return made.path;
}

beforeEach(async () => {
    registry = await RegistryProcess.start();
    proxy = await CountingProxy.start(registry.port);
    client = new RegistryClient({ endpoint: { host: proxy.host, plainHttp: true } });
    folder = await makeArchive();
    const archive = await openArchive(folder);
    const { lock } = await describeArchive(archive, []);
    await archive.close();
    await writeLock(join(folder, "lock.json"), lock);
    request = {
        registry: { type: "distribution", mirrorBase: `${proxy.host}/mirror`, plainHttp: true, retrySeconds: 5 },
        ...{ archive: [join(folder, "mirror_000001.tar")], lockDigest: lockDigest(lock) },
        ...{ images: formatImages(lock.images), suspects: [], shards: SHARDS, concurrency: 6, isFirstImport: true },
    };
});

afterEach(async () => {
    await client.close();
    await proxy.stop();
    await registry.stop();
    rmSync(folder, { recursive: true, force: true });
});

async function importer(index: number | undefined, signal = new AbortController().signal): Promise<RemoteLine[]> {
    const lines: RemoteLine[] = [];
    const shard = index === undefined ? undefined : { index, of: SHARDS };
    const secrets = { credentials: { username: "user", password: "secret" } };
    const say = (line: RemoteLine) => void lines.push(line);
    await runImportRequest({ request, secrets, lock: join(folder, "lock.json"), shard, signal, say });
    return lines;
}

const report = (lines: readonly RemoteLine[]) => readReport(lines.map((line) => JSON.stringify(line)));

/** Digests whose bytes were sent, each as often as they were. */
function sent(): string[] {
    return proxy.requests.flatMap(({ method, path, bytes }) => {
        const digest = /digest=([^&]+)/.exec(path)?.[1];
        return method === "PUT" && digest !== undefined && bytes > 0 ? [decodeURIComponent(digest)] : [];
    });
}

function plan() {
    const base = parseMirrorBase(request.registry.mirrorBase);
    const set = { ...request, lock: join(folder, "lock.json"), images: imagesOf(request) };
    return planLockedSet(client, set, { base, kind: "distribution" });
}

function imagesOf({ images }: ImportRequest) {
    return toImageMap(images);
}

test("three importers side by side send every blob once, evenly, and one after them tags what they share", async () => {
    const before = await plan();
    const rounds: string[] = [];
    const bytes: number[] = [];
    const result = await importRemotely(
        client,
        before.plan,
        {
            ...{ name: "the pods", shards: SHARDS },
            run: async (round) => {
                rounds.push(round);
                const indexes = round === "shards" ? [0, 1, 2] : [undefined];
                const said = await Promise.all(indexes.map((index) => importer(index)));
                const reports = said.flatMap((lines) => report(lines) ?? []);
                if (round === "shards") bytes.push(...reports.map(({ counts }) => counts.bytes));
                return reports;
            },
        },
        { images: imagesOf(request), plan: async () => (await plan()).plan, concurrency: 6 },
    );
    expect(result.failed).toEqual([]);
    expect(result.done).toEqual(imagesOf(request));
    expect(rounds).toEqual(["shards", "rest"]);
    expect((await plan()).plan.push).toEqual([]);
    expect(sent()).toHaveLength(before.plan.uploads);
    expect(new Set(sent()).size).toBe(before.plan.uploads);
    expect(result.sent.uploads).toBe(before.plan.uploads);
    const mean = bytes.reduce((sum, one) => sum + one, 0) / SHARDS;
    // The largest layer is more than a tenth here.
    for (const one of bytes) expect(Math.abs(one - mean)).toBeLessThan(300_000);
});

test("an importer that is killed says nothing, and the next one sends what is missing, and nothing twice", async () => {
    const controller = new AbortController();
    proxy.detour = () => {
        if (sent().length >= 2) controller.abort(new Error("killed"));
        return undefined;
    };
    const lines = await importer(undefined, controller.signal);
    expect(report(lines)).toBeUndefined();
    const { plan: left } = await plan();
    expect(left.push.length).toBeGreaterThan(0);
    proxy.detour = () => undefined;
    const before = sent().length;
    const done = report(await importer(undefined));
    expect(done).toMatchObject({ failed: [], counts: { uploads: left.uploads } });
    expect(sent().length - before).toBe(left.uploads);
    expect((await plan()).plan.push).toEqual([]);
});

test("the lock decides: another archive is refused by every importer, and nothing is sent", async () => {
    const other = await makeArchive();
    request = { ...request, archive: [join(other, "mirror_000001.tar")] };
    const reports = await Promise.all([0, 1, 2].map(async (index) => report(await importer(index))));
    for (const one of reports) expect(one?.error).toMatchObject({ code: "ARCHIVE_LOCK_MISMATCH" });
    expect(registry.writes()).toEqual([]);
    rmSync(other, { recursive: true, force: true });
});
