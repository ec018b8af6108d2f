import { type Asked, digestAsked, isBlobPut, isManifestPut, isUploadPost } from "../support/faults/fault";
import { faultCase } from "../support/faults/fault-case";
import { ACCOUNT, FaultSite } from "../support/faults/fault-site";
import { seededSet } from "../support/faults/seeded-set";
import { TokenGate } from "../support/faults/token-gate";
import { problemText } from "../support/problems";

const LIFETIME = 3;
let site: FaultSite;
let gate: TokenGate;

beforeAll(async () => {
    site = await FaultSite.start({ account: false });
    gate = await TokenGate.start(ACCOUNT, LIFETIME, await site.authority.issue());
    site.tokens = gate.tokens;
});
afterAll(async () => {
    await gate.stop();
    await site.stop();
});

const KINDS: Readonly<Record<string, (asked: Asked) => boolean>> = {
    "the POST of an upload": isUploadPost,
    "the PUT of a blob": isBlobPut,
    "the PUT of a manifest": isManifestPut,
};

for (const [name, chosen] of Object.entries(KINDS)) {
    faultCase(`a token of ${LIFETIME} s that ends at ${name}`, { all: 50, sample: 2 }, async ({ random, count }) => {
        site.clear();
        const content = seededSet(random);
        // Once a round: a token that ended between its grant and its first use would be refused twice, and rightly.
        const end = random.between(1, 4);
        const unread = random.between(0, 1) === 0;
        let met = 0;
        let refused = 0;
        let ended: Asked | undefined;
        const issued = gate.tokens.size;
        const script = (asked: Asked) => {
            // Of a request whose token was good until now: a first challenge is no token that ended.
            if (chosen(asked) && gate.check(asked) === undefined && ++met === end) {
                gate.pass(LIFETIME);
                ended = asked;
            }
            const fault = gate.check(asked);
            if (fault === undefined) return undefined;
            refused++;
            return fault.kind === "answer" && unread ? { ...fault, unread } : fault;
        };
        site.proxy.script = script;
        const outcome = await site.bring(content);
        expect(outcome.error).toBeUndefined();
        expect(outcome.result?.failed).toEqual([]);
        site.holdsNothingWrong();
        // Refused with the token that had ended, it got in with another.
        const again = site.proxy.passed.filter(
            (passed) => ended !== undefined && describeRequest(passed) === describeRequest(ended),
        );
        const [met401, ...later] = again.slice(again.findIndex((passed) => passed === ended));
        expect(met401).toMatchObject({ status: 401, reached: false });
        const another = later.find(
            ({ reached, headers }) => reached && headers.authorization !== ended?.headers.authorization,
        );
        expect(another?.headers.authorization).toMatch(/^Bearer /);
        count("tokens that ended in use");
        count("answers 401", refused);
        count("tokens", gate.tokens.size - issued);
        // A registry that trusts nobody without a token never saw the account.
        const seen = site.proxy.passed.filter(({ headers }) => headers.authorization?.startsWith("Basic") === true);
        expect(seen).toEqual([]);
        site.proxy.script = (asked) => gate.check(asked);
        await site.isWhole(content);
    });
}

faultCase("uploads may begin, and every blob is answered 401", { all: 20, sample: 2 }, async ({ random, count }) => {
    site.clear();
    const content = seededSet(random, { images: 6, layers: 3, size: [1_100_000, 1_500_000] });
    const layers: number[] = [];
    site.proxy.script = (asked) => {
        if (!isBlobPut(asked)) return gate.check(asked);
        const size = Number(asked.headers["content-length"]);
        if (size > 1024 * 1024) layers.push(size);
        return gate.check({ ...asked, headers: {} });
    };
    const outcome = await site.bring(content);
    expect(outcome.error).toBeUndefined();
    expect(outcome.result?.done).toEqual({});
    // Those in flight when nobody knew yet, and one more that tried a new token.
    expect(layers.length).toBeLessThanOrEqual(6 + 1);
    for (const image of outcome.result?.failed ?? []) expect(problemText(image)).toContain("passes PUT");
    count("layers refused", layers.length);
    count(
        "bytes refused",
        layers.reduce((sum, size) => sum + size, 0),
    );
    count("bytes of the set", outcome.plan?.bytes);
    site.holdsNothingWrong();
    site.proxy.script = (asked) => gate.check(asked);
    expect((await site.bring(content)).result?.failed).toEqual([]);
    await site.isWhole(content);
});

/** What a request is for, whichever upload it belongs to. */
function describeRequest(asked: Asked): string {
    const [path = ""] = asked.url.split("/uploads/");
    return `${asked.method} ${path} ${digestAsked(asked)}`;
}
