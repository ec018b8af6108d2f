import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ocMirrorEntries, tar, testImage } from "../support/archives";
import { PausingProxy } from "../support/pausing-proxy";
import { descendants, gone, isAlive } from "../support/processes";
import { TestSite } from "../support/site";
import { Terminal, type TerminalSize } from "../support/terminal";

jest.setTimeout(600_000);

const UP = ["up", "--refresh", "--run-program", "--suppress-outputs"];
const LAYER = 4_000_000;
const PROVIDER = "cmd/dynamic-provider";
/** The whole text of an import: what a row that is cut does not have. */
const PROGRESS =
    /^(set\d): (?:nothing moved for \d+ s; )?\d+%, (?:[\d.]+ (?:s|min|h) left, )?[\d.]+ [kM]?B of 24\.\d MB, (?:[\d.]+ [kM]?B\/s, )?\d of 6 images$/;

let site: TestSite;
let proxy: PausingProxy;
let terminal: Terminal | undefined;
/** Stopped by a test. */
let providers: number[];

beforeEach(async () => {
    providers = [];
    site = await TestSite.create();
    await addImages("first");
    proxy = await PausingProxy.start(site.registry.port, 2 * LAYER);
    configure();
});

afterEach(async () => {
    for (const pid of providers.filter(isAlive)) process.kill(pid, "SIGKILL");
    await terminal?.close();
    terminal = undefined;
    await proxy.stop();
    await site.remove();
});

/** A set of six images, each with a layer of its own that no other set has. */
async function addImages(name: string): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), "images "));
    try {
        const images = Array.from({ length: 6 }, (_, at) => ({
            repository: `org/${name}${at}`,
            tag: "1",
            image: testImage(`${name} ${at}`, { layers: [randomBytes(LAYER)] }),
        }));
        const imageSet = images.map(({ repository, tag }) => `quay.io/${repository}:${tag}`);
        writeFileSync(join(folder, "mirror_000001.tar"), tar(ocMirrorEntries({ tags: images, imageSet })));
        await site.addSet(folder);
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
}

/** Uploads pass through the proxy; while it is paused, an import is in its middle for as long as a test looks. */
function configure(): void {
    site.stack.configure(site.document({ registry: { mirrorBase: `${proxy.host}/mirror` } }));
}

function start(size: TerminalSize, ...args: string[]): Terminal {
    terminal = Terminal.start(site.stack.terminalCommand(...args), size);
    return terminal;
}

/** How often the update's table on the screen has this text: drawing beside Pulumi must neither double nor damage rows. */
const count = (rows: readonly string[], text: string) =>
    rows.slice(rows.findIndex((row) => row.startsWith("Updating"))).filter((row) => row.includes(text)).length;
const last = (rows: readonly string[]) => rows.at(-1) ?? "";

describe.each([
    { columns: 80, rows: 24 },
    { columns: 120, rows: 40 },
])("at $columns x $rows", (size) => {
    test("percent, amounts and images of an import are read in full on a first up and on an update", async () => {
        const first = start(size, ...UP);
        await first.shows((rows) => rows.some((row) => row.includes("Do you want to perform this update?")));
        await first.press("Up", "Enter");
        await proxy.paused;
        const importing = await first.shows((rows) => PROGRESS.test(last(rows)));
        expect(last(importing)).toMatch(/^set1: /);
        expect([count(importing, ":PassthroughSite"), count(importing, ":ImageImport")]).toEqual([1, 1]);
        proxy.resume();
        expect(await first.ended()).toBe(0);
        expect(await first.history()).not.toMatch(/^set\d: /m);
        await first.close();

        await addImages("second");
        configure();
        proxy.pauseAfter(2 * LAYER);
        const update = start(size, ...UP, "--yes", "--skip-preview");
        const added = await update.shows((rows) => PROGRESS.test(last(rows)));
        expect(last(added)).toMatch(/^set2: /);
        expect([count(added, ":PassthroughSite"), count(added, ":ImageImport")]).toEqual([1, 2]);
        proxy.resume();
        expect(await update.ended()).toBe(0);
        const history = await update.history();
        expect(history).not.toMatch(/^set\d: /m);
        expect(history).toMatch(/imported 6 images; 24\.\d MB sent/);
    });
});

test("a table that fills the screen leaves the progress readable", async () => {
    const small = start({ columns: 80, rows: 7 }, ...UP, "--yes", "--skip-preview");
    await small.shows((rows) => PROGRESS.test(last(rows)));
    proxy.resume();
    expect(await small.ended()).toBe(0);
    expect(await small.history()).not.toMatch(/^set\d: /m);
});

test("a second Ctrl-C ends at once, and so does the provider; after pulumi cancel, the next up completes", async () => {
    const interrupted = start({ columns: 80, rows: 24 }, ...UP, "--yes", "--skip-preview");
    await interrupted.shows((rows) => PROGRESS.test(last(rows)));
    providers = descendants(await interrupted.pid(), PROVIDER);
    expect(providers).toHaveLength(1);
    // A provider that does not respond to the first interrupt, as long as the test looks.
    for (const pid of providers) process.kill(pid, "SIGSTOP");
    await interrupted.press("C-c");
    await interrupted.shows((rows) => rows.some((row) => row.includes("^C received; cancelling")));
    await interrupted.press("C-c");
    expect(await interrupted.ended()).not.toBe(0);
    const ending = await interrupted.history();
    expect(ending).toContain("^C received; terminating");
    for (const pid of providers) await wakeUntilGone(pid);

    proxy.resume();
    const { deployment } = JSON.parse(await site.stack.state()) as { deployment: { pending_operations?: unknown[] } };
    expect(deployment.pending_operations).toHaveLength(1);
    if (ending.includes("is locked")) expect(await site.stack.cancel()).toMatchObject({ code: 0 });
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    expect((await site.stack.outputs()).validation).toMatchObject({ status: "proven", images: 6 });
});

/** Lets a stopped process go on, and settles when it has ended. */
async function wakeUntilGone(pid: number): Promise<void> {
    if (isAlive(pid)) process.kill(pid, "SIGCONT");
    await gone(pid);
}
