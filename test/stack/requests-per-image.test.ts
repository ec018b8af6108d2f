import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describeArchive, openArchive } from "../../lib/archives";
import { writeLock } from "../../lib/lock";
import { ociLayoutFiles, testImage } from "../support/archives";
import { HarborSite } from "../support/harbor/harbor-site";
import { QuaySite } from "../support/quay/quay-site";
import { TestSite } from "../support/site";
import type { TestStack } from "../support/stack";

jest.setTimeout(900_000);

/** Enough that what a run asks once is little per image. */
const IMAGES = 100;
/** Config, a layer of its own, and one that all share. */
const BLOBS = 3;
/** What a run asks once, per image. */
const ONCE = 0.6;
/** More than a registry without robot accounts is asked, per image. */
const MAX_MORE = 2;

const NPM_RUN_UP = ["up", "--refresh", "--run-program", "--suppress-outputs"];

let folder: string;

beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "many "));
    const base = Buffer.from("a layer that all images share ".repeat(100));
    const files = ociLayoutFiles(
        Array.from({ length: IMAGES }, (_, i) => ({
            image: testImage(`app${i}`, { layers: [base, Buffer.from(`layer of app ${i}`)] }),
            name: `quay.io/org/app${i}:1`,
        })),
    );
    for (const [name, bytes] of files) {
        mkdirSync(dirname(join(folder, "set", name)), { recursive: true });
        writeFileSync(join(folder, "set", name), bytes);
    }
    const archive = await openArchive(join(folder, "set"));
    try {
        await writeLock(join(folder, "set.lock.json"), (await describeArchive(archive, [])).lock);
    } finally {
        await archive.close();
    }
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Requests of an import of new content, and of an `up` that changes nothing, by what they are. */
async function count(stack: TestStack, site: object): Promise<Record<"first" | "second", Map<string, number>>> {
    const content = [{ archive: join(folder, "set"), lock: join(folder, "set.lock.json") }];
    stack.configure({ ...site, content });
    stack.setVariable("REGISTRY_PASSTHROUGH_DEBUG", "http");
    const requests = async () => {
        const { code, text } = await stack.wrapped(...NPM_RUN_UP, "--yes", "--debug").done;
        expect({ code, text: code === 0 ? "" : text.slice(-3000) }).toEqual({ code: 0, text: "" });
        // The engine prints a line of a provider as it comes, and again at the end.
        const lines = new Set(text.match(/:http #\d+ [A-Z]+ \S+: \d+, \d+ ms.*$/gm));
        const kinds = new Map<string, number>();
        for (const line of lines) {
            const [, method = "", url = ""] = /#\d+ ([A-Z]+) (\S+): /.exec(line) ?? [];
            const kind = `${method} ${route(new URL(url).pathname)}`;
            kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
        }
        return kinds;
    };
    return { first: await requests(), second: await requests() };
}

/** The path without what differs from image to image. */
function route(path: string): string {
    return path
        .replace(/^\/v2\/.+\/(manifests|blobs\/uploads|blobs)\/?.*$/, "/v2/…/$1")
        .replace(/quay\.io\/org\/app\d+/, "…");
}

const sum = (kinds: ReadonlyMap<string, number>) => [...kinds.values()].reduce((total, one) => total + one, 0);

test("Harbor and Quay are asked at most 2 requests per image more than a registry without robot accounts", async () => {
    const plain = await TestSite.create();
    const harbor = await HarborSite.create();
    const quay = await QuaySite.create("quay");
    try {
        const counts = {
            plain: await count(plain.stack, plain.document()),
            harbor: await count(harbor.stack, harbor.document()),
            quay: await count(await quay.stack(), quay.document()),
        };
        const perImage = Object.entries(counts).map(([name, { first, second }]) => ({
            name,
            first: sum(first) / IMAGES,
            second: sum(second) / IMAGES,
        }));
        if (process.env.SHOW_REQUESTS !== undefined) {
            for (const [name, { first, second }] of Object.entries(counts)) {
                console.log(name, JSON.stringify({ first: [...first], second: [...second] }, undefined, 1));
            }
            console.table(perImage);
        }
        const [least, ...others] = perImage;
        expect(least?.first).toBeGreaterThan(5);
        expect(least?.second).toBeGreaterThan(2);
        // The import asks for each manifest and blob once, the proof again; a tag that is absent takes one GET.
        const heads = (what: string) => (counts.plain.first.get(`HEAD /v2/…/${what}`) ?? 0) / IMAGES;
        expect(heads("manifests")).toBeLessThanOrEqual(2 + ONCE);
        expect(heads("blobs")).toBeLessThanOrEqual(2 * BLOBS);
        // Quay takes small blobs with the POST; those that were begun while the first one found that out were not.
        const puts = ({ first }: { first: ReadonlyMap<string, number> }) => first.get("PUT /v2/…/blobs/uploads") ?? 0;
        expect(puts(counts.quay)).toBeLessThan(puts(counts.plain) / 2);
        // The preview looks at tag, manifest and blobs, and the update goes by that: 4 for an image of one layer.
        expect(least?.second).toBeLessThanOrEqual(2 + BLOBS + ONCE);
        for (const { first, second } of others) {
            expect(first - (least?.first ?? 0)).toBeLessThanOrEqual(MAX_MORE);
            expect(second - (least?.second ?? 0)).toBeLessThanOrEqual(MAX_MORE);
        }
    } finally {
        await plain.remove();
        await harbor.remove();
        await quay.remove();
    }
});
