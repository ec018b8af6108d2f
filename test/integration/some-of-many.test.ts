import { executePlan, imageTask, planImport, verifyImages } from "../../lib/import";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import type { Detour, Passed } from "../support/counting-proxy";
import { countedRegistry } from "../support/counted-registry";
import { MemoryImageSet } from "../support/image-set";

// More images than are looked at together, of which the registry denies one in five and fails with one in ten.
const IMAGES = 100;
// Nothing is repeated, since the first wait reaches past the period. The period itself is long: two failures without any
// progress in half of it would end the import, which is another test's matter.
const RETRY = { seconds: 60, firstDelay: 100_000, longestDelay: 100_000 };
const DENIED: Detour = { status: 403, body: JSON.stringify({ errors: [{ code: "DENIED" }] }) };
const FAILED: Detour = { status: 500, body: JSON.stringify({ errors: [{ code: "UNKNOWN" }] }) };
const counted = countedRegistry(RETRY);
let content: MemoryImageSet;

beforeEach(async () => {
    content = new MemoryImageSet();
    for (let i = 0; i < IMAGES; i++) content.image(`quay.io/org/app${i}:1`);
});

const isDenied = (app: number) => app % 5 === 0;
const isFailing = (app: number) => app % 10 === 1;
const sources = (is: (app: number) => boolean) =>
    Array.from({ length: IMAGES }, (_, app) => app)
        .filter(is)
        .map((app) => `quay.io/org/app${app}:1`)
        .sort();

/** @param isWrite whether writes are answered so, or reads */
function trouble(isWrite: boolean): void {
    counted.proxy.detour = ({ method, path }: Passed) => {
        const app = Number(/\/app(\d+)\//.exec(path)?.[1] ?? NaN);
        if ((method !== "GET" && method !== "HEAD") !== isWrite) return undefined;
        if (isDenied(app)) return DENIED;
        return isFailing(app) && path.includes("/manifests/") ? FAILED : undefined;
    };
}

async function bring() {
    const base = parseMirrorBase(`${counted.proxy.host}/mirror`);
    const plan = await planImport(counted.client, { images: content.images, set: content.set, base });
    return executePlan(counted.client, content, plan);
}

test("20 of 100 images that are denied and 10 that are answered with 500 fail by name, and the others are imported", async () => {
    trouble(true);
    const { failed, done } = await bring();
    const isSound = (app: number) => !isDenied(app) && !isFailing(app);
    expect(Object.keys(done).sort()).toEqual(sources(isSound));
    const codes = new Map(failed.map(({ source, problems }) => [source, problems[0]?.code]));
    expect([...codes.keys()].sort()).toEqual(sources((app) => !isSound(app)));
    for (const source of sources(isDenied)) expect(codes.get(source)).toBe("DENIED");
    for (const source of sources(isFailing)) expect(codes.get(source)).toBe("SERVER_ERROR");
});

test("20 of 100 images that are denied and 10 that are answered with 500 are named by a proof of the others", async () => {
    expect((await bring()).failed).toEqual([]);
    trouble(false);
    const base = parseMirrorBase(`${counted.proxy.host}/mirror`);
    const checks = Object.entries(content.images).map(([source, digest]) => imageTask(base, source, digest));
    const { proofs, failures, unread, denied } = await verifyImages(counted.client, checks);
    const named = (images: readonly { readonly source: string }[]) => images.map(({ source }) => source).sort();
    expect([...denied].sort()).toEqual(sources(isDenied));
    expect(named(failures)).toEqual(sources(isDenied));
    expect(named(unread)).toEqual(sources(isFailing));
    expect(named(proofs)).toEqual(sources((app) => !isDenied(app) && !isFailing(app)));
});
