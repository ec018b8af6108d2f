import { openArchive } from "../../lib/archives";
import { type Asked, type Fault, digestAsked, isBlobPut, isUploadPost } from "../support/faults/fault";
import { faultCase } from "../support/faults/fault-case";
import { type Content, FaultSite, secretsIn } from "../support/faults/fault-site";
import { ImportingProcess } from "../support/faults/importing-process";
import { SetArchive } from "../support/faults/set-archive";

const MIB = 1024 * 1024;

let site: FaultSite;

beforeAll(async () => {
    site = await FaultSite.start();
});
afterAll(() => site.stop());

/** Before or after the registry gets the request that comes as the nth of its run. */
interface CrashPoint {
    readonly request: number;
    readonly side: "before" | "after";
}

const point = (at: number): CrashPoint => ({
    request: Math.floor(at / 2) + 1,
    side: at % 2 === 0 ? "before" : "after",
});

interface Run {
    /** Requests that came to the proxy. */
    readonly requests: number;
    readonly isKilled: boolean;
    /** Uploads that the registry has begun, and that the process may never have been told of. */
    readonly hidden: number;
}

/** An archive and where its bytes are, for a run in this process. */
interface Work {
    readonly archive: SetArchive;
    readonly content: Content;
}

/** Runs the importer in a process of its own; at its point it is killed. */
async function runTo({ archive }: Work, crash?: CrashPoint): Promise<Run> {
    site.proxy.passed.length = 0;
    const held = site.storage.held();
    const run = new ImportingProcess(site, archive);
    const kill = () => {
        run.kill("SIGKILL");
        return run.done;
    };
    site.proxy.script = (_asked, nth): Fault | undefined => {
        if (nth !== crash?.request) return undefined;
        if (crash.side === "after") return { kind: "kept-answer", until: kill };
        void kill();
        return { kind: "black-hole" };
    };
    const ended = await run.done;
    site.proxy.script = () => undefined;
    expect(secretsIn(ended.said)).toEqual([]);
    const isKilled = ended.signal === "SIGKILL";
    if (!isKilled) expect(ended).toMatchObject({ result: { failed: [], done: archive.content.images } });
    expect(site.storage.wrong()).toEqual([]);
    const { passed } = site.proxy;
    const puts = passed.filter(isBlobPut);
    // Only what was open is sent again: nothing that a repository had.
    expect(puts.map(blobOf).filter((blob) => held.has(blob))).toEqual([]);
    const posts = passed.filter((asked) => isUploadPost(asked) && asked.reached).length;
    return { requests: passed.length, isKilled, hidden: posts - new Set(puts.map(({ url }) => url)).size };
}

function blobOf(put: Asked): string {
    return `${/^\/v2\/(.+)\/blobs\//.exec(put.url)?.[1] ?? ""} ${digestAsked(put)}`;
}

/** The next run, in this process: it completes, sends only what was open, and leaves nothing open. */
async function converges({ content }: Work, killed: readonly Run[]): Promise<void> {
    await site.converges(content);
    expect(site.storage.openUploadBytes()).toBe(0);
    // One that was begun without anybody being told is empty, and stays until the registry removes it.
    const hidden = killed.reduce((sum, run) => sum + run.hidden, 0);
    expect(site.storage.openUploads().length).toBeLessThanOrEqual(hidden);
}

async function withArchive(made: Promise<SetArchive>, play: (work: Work) => Promise<void>): Promise<void> {
    const archive = await made;
    const opened = await openArchive(archive.path);
    try {
        site.clear();
        await play({ archive, content: Object.assign(opened.source, { set: archive.content }) });
    } finally {
        await opened.close();
        archive.remove();
    }
}

const isWhole = process.env.FAULTS === "all";

/** Crash points of each of the two imports: two for each request. A run has none beyond its last request. */
const POINTS = 100;
const FIRST_POINTS = 36;

faultCase(
    "kill -9 before and after each request of an import",
    { all: POINTS, sample: 5, met: "runs killed" },
    async ({ number, random, count }) => {
        await withArchive(SetArchive.make(random, [MIB, MIB], 3), async (work) => {
            const at = isWhole ? number - 1 : random.between(0, POINTS - 1);
            const run = await runTo(work, point(at));
            await converges(work, [run]);
            count("runs killed", run.isKilled ? 1 : 0);
            // All are met if the last one is beyond the end.
            if (number === POINTS) expect(run.isKilled).toBe(false);
        });
    },
);

faultCase(
    "kill -9 at each pair of requests of an import of one image",
    { all: FIRST_POINTS, sample: 2, met: "runs killed" },
    async ({ number, random, count }) => {
        await withArchive(SetArchive.oneImage(random, [MIB, MIB, MIB]), async (work) => {
            const at = isWhole ? number - 1 : random.between(0, FIRST_POINTS - 1);
            const first = await runTo(work, point(at));
            if (number === FIRST_POINTS) expect(first.isKilled).toBe(false);
            const crashed = site.saved();
            // The second run has fewer requests left, after what the first one did.
            const { requests } = await runTo(work);
            const points = Array.from({ length: 2 * requests }, (_, then) => then);
            for (const then of isWhole ? points : [random.pick(points), random.pick(points)]) {
                crashed.restore();
                const second = await runTo(work, point(then));
                await converges(work, [first, second]);
                count("pairs");
                count("runs killed", [first, second].filter(({ isKilled }) => isKilled).length);
            }
            crashed.remove();
        });
    },
);
