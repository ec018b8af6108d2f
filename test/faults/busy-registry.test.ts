import {
    type Asked,
    type Fault,
    htmlError,
    isBlobPut,
    isManifestPut,
    isUploadPost,
    registryError,
} from "../support/faults/fault";
import { faultCase } from "../support/faults/fault-case";
import { FaultSite } from "../support/faults/fault-site";
import type { Random } from "../support/faults/random";
import { seededSet } from "../support/faults/seeded-set";

let site: FaultSite;

beforeAll(async () => {
    site = await FaultSite.start();
});
afterAll(() => site.stop());

const isManifestHead = ({ method, url }: Asked) => method === "HEAD" && url.includes("/manifests/");
const KINDS = [isUploadPost, isBlobPut, isManifestPut, isManifestHead];

/** Answers `length` requests of one kind, in a row, with a fault; then all is well. @returns how many it answered */
function burst(random: Random, length: number, fault: (asked: Asked) => Fault): () => number {
    const chosen = random.pick(KINDS);
    const from = random.between(1, 2);
    let met = 0;
    site.proxy.script = (asked) => {
        if (!chosen(asked)) return undefined;
        met++;
        return met >= from && met < from + length ? fault(asked) : undefined;
    };
    return () => Math.min(length, met - from + 1);
}

/** The run rides it out by itself, and leaves nothing wrong. */
async function ridesOut(random: Random, requests = 8): Promise<void> {
    const content = seededSet(random);
    const outcome = await site.bring(content, { requests });
    expect(outcome.error).toBeUndefined();
    expect(outcome.result?.failed).toEqual([]);
    site.holdsNothingWrong();
    expect(await site.converges(content)).toBe(0);
}

/** A busy answer, as registries and what stands in front of them give it. */
function busyAnswer(random: Random, status: number): Fault {
    if (random.between(0, 1) === 0) return htmlError(status, "Service Temporarily Unavailable");
    const json = registryError(status, "UNKNOWN", "unknown error");
    return random.between(0, 1) === 0 ? json : { kind: "answer", status };
}

const FORMS: Readonly<Record<string, (random: Random) => Readonly<Record<string, string>>>> = {
    "in seconds": (random) => ({ "retry-after": String(random.pick([1, 1, 2])) }),
    "as a date": () => ({ "retry-after": new Date(Math.ceil(Date.now() / 1000) * 1000 + 1000).toUTCString() }),
    "not given": () => ({}),
};

/** Milliseconds since the epoch, of the one clock that the proxy and the client have. */
function waitEnd(retryAfter: string): number {
    return /^\d+$/.test(retryAfter) ? Date.now() + Number(retryAfter) * 1000 : Date.parse(retryAfter);
}

for (const [form, headersOf] of Object.entries(FORMS)) {
    faultCase(`429 with Retry-After ${form}`, { all: 50, sample: 2 }, async ({ number, random, count }) => {
        site.clear();
        // With one request in flight nothing else is under way, so none at all may come before the time is over.
        // With more, those that were under way do: then only a manifest's own URL tells that it was asked for again.
        const requests = number % 2 === 0 ? 8 : 1;
        const uploadPlace = ({ url }: Asked) =>
            requests === 1 ? "the host" : url.includes("/manifests/") ? url : undefined;
        /** Place -> when it may be asked again. */
        const notBefore = new Map<string | undefined, number>();
        const early: string[] = [];
        const length = random.between(1, 3);
        const answered = burst(random, length, (asked) => {
            const headers = headersOf(random);
            const after = headers["retry-after"];
            if (after !== undefined) notBefore.set(uploadPlace(asked), waitEnd(after));
            count("answers 429");
            const answer = registryError(429, "TOOMANYREQUESTS", "slow down");
            return { ...answer, headers: { ...answer.headers, ...headers } };
        });
        const scripted = site.proxy.script;
        site.proxy.script = (asked, nth) => {
            const place = uploadPlace(asked);
            if (place !== undefined && Date.now() < (notBefore.get(place) ?? 0)) early.push(asked.url);
            return scripted(asked, nth);
        };
        await ridesOut(random, requests);
        expect(early).toEqual([]);
        expect(answered()).toBe(length);
        if (notBefore.has("the host")) count("times that held back the whole host");
    });
}

for (const length of [1, 2, 3, 4, 5]) {
    faultCase(`a burst of ${length} answers 5xx`, { all: 50, sample: 1 }, async ({ random, count }) => {
        site.clear();
        const answered = burst(random, length, () => {
            const status = random.pick([500, 502, 503, 504]);
            count(`answers ${status}`);
            return busyAnswer(random, status);
        });
        await ridesOut(random);
        expect(answered()).toBe(length);
    });
}

const JSON_TYPE = { "content-type": "application/json" };

/** Quay on SQLite (mirror-registry) while something else writes: SQLite's own words, in a page or in JSON. */
function lockedDatabase(random: Random, isHead: boolean): Fault {
    const text = "(sqlite3.OperationalError) database is locked";
    const forms = [htmlError(500, text), registryError(500, "UNKNOWN", text)];
    const other: Fault = { kind: "answer", status: 400, headers: JSON_TYPE, body: JSON.stringify({ error: text }) };
    // The answer to HEAD has no body: its status alone must tell.
    return random.pick(isHead ? forms : [...forms, other]);
}

faultCase("a database that is locked", { all: 50, sample: 2 }, async ({ random, count }) => {
    site.clear();
    const length = random.between(1, 5);
    const answered = burst(random, length, (asked) => {
        count("answers that the database is locked");
        return lockedDatabase(random, isManifestHead(asked));
    });
    await ridesOut(random);
    expect(answered()).toBe(length);
});

faultCase("an HTML page in place of an answer", { all: 50, sample: 2 }, async ({ random, count }) => {
    site.clear();
    // A 404 of a web server that lost its registry is no word about what the registry has.
    const status = random.pick([404, 502, 503]);
    const content = seededSet(random);
    await site.bring(content);
    site.proxy.clear();
    site.proxy.script = ({ method }) =>
        method === "HEAD" || method === "GET" ? htmlError(status, "Not Found") : undefined;
    const verdict = await site.verify(content, { retry: { seconds: 0, firstDelay: 1, longestDelay: 1 } }).then(
        ({ failures }) => failures,
        (error: unknown) => (error as { code?: string }).code,
    );
    expect(verdict).toBe(status === 404 ? "UNEXPECTED_RESPONSE" : "SERVER_ERROR");
    count(`pages with ${status}`);
    expect(await site.converges(content)).toBe(0);
});
