import { randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { executePlan, planImport } from "../../lib/import";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import type { Passed } from "../support/counting-proxy";
import { countedRegistry } from "../support/counted-registry";
import { MemoryImageSet } from "../support/image-set";
import { stored } from "../support/registry-process";
import { postedDigest, storePosted } from "../support/single-post";

const RETRY = { seconds: 5, firstDelay: 1, longestDelay: 4 };
const APPS = ["one", "two", "three"];
/** More than one request may have. */
const LARGE = 1024 * 1024 + 1;
const counted = countedRegistry(RETRY);

/** The registry takes bytes with the POST from now on, as Quay does. */
function take(change: (asked: Passed) => { readonly cutAfter?: number } = () => ({})): void {
    counted.proxy.detour = (asked) => {
        const digest = postedDigest(asked.method, asked.path);
        if (digest === undefined) return undefined;
        const place = { registry: counted.registry, address: `http://${counted.proxy.host}` };
        return {
            answer: async (body) => ({ ...(await storePosted(place, asked.path, digest, body)), ...change(asked) }),
        };
    };
}

/**
 * Images of a small layer each, the first one with a large one too.
 * @param lost answers to uploads that do not arrive
 */
async function bring(apps = APPS, lost = 0) {
    const client = counted.connect();
    const content = new MemoryImageSet();
    for (const [at, app] of apps.entries()) {
        const layers = [content.blob(), ...(at === 0 ? [content.blob(randomBytes(LARGE))] : [])];
        content.image(`quay.io/org/${app}:1`, content.manifest(layers));
    }
    const base = parseMirrorBase(`${counted.proxy.host}/mirror`);
    const plan = await planImport(client, { images: content.images, set: content.set, base });
    counted.proxy.forget();
    const result = await executePlan(client, content, plan);
    expect(result.failed).toEqual([]);
    expect(result.sent).toMatchObject({ bytes: plan.bytes, uploads: plan.uploads - lost });
    for (const [digest, bytes] of content.bytes) expect(stored(counted.registry, digest).equals(bytes)).toBe(true);
    return plan.uploads;
}

/** Requests about blobs, by what they are. */
function counts() {
    const about = counted.proxy.requests.filter(({ path }) => path.includes("/blobs/"));
    const count = (is: (asked: Passed) => boolean) => about.filter(is).length;
    return {
        whole: count(({ method, bytes }) => method === "POST" && bytes > 0),
        begun: count(({ method, bytes }) => method === "POST" && bytes === 0),
        put: count(({ method }) => method === "PUT"),
        asked: count(({ method }) => method === "HEAD"),
    };
}

/** Uploads that the registry keeps open. */
function openUploads(): string[] {
    return APPS.flatMap((app) => {
        const folder = counted.registry.storage("repositories", "mirror", "quay.io", "org", app, "_uploads");
        return existsSync(folder) ? readdirSync(folder) : [];
    });
}

test("distribution begins an upload for a blob that comes with its POST: it is gone on with, and no other comes so", async () => {
    const uploads = await bring();
    expect(counts()).toEqual({ whole: 1, begun: uploads - 1, put: uploads, asked: 0 });
    expect(openUploads()).toEqual([]);
    await bring();
    expect(counts().whole).toBe(0);
});

test("a registry that takes them gets small blobs with one request each, and so does the next client", async () => {
    take();
    const uploads = await bring();
    const { whole, begun, put } = counts();
    // While the first one finds it out, others are sent as usual.
    expect(whole).toBeGreaterThanOrEqual(1);
    expect([begun, put]).toEqual([uploads - whole, uploads - whole]);
    const next = await bring();
    expect(counts()).toEqual({ whole: next - 1, begun: 1, put: 1, asked: 0 });
    expect(openUploads()).toEqual([]);
});

test("a blob whose answer was lost is asked for, and not sent again", async () => {
    take();
    await bring(["one"]);
    let posts = 0;
    take(() => (posts++ === 0 ? { cutAfter: 0 } : {}));
    const uploads = await bring(["two"], 1);
    expect(counts()).toEqual({ whole: uploads - 1, begun: 1, put: 1, asked: 1 });
});
