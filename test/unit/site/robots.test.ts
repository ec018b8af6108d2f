import { readSite } from "../../../lib/site";

const registry = { mirrorBase: "registry.site-a.example:8443/mirror" };

function site(document: object) {
    const read = (path: string): string => {
        throw new Error(`ENOENT: no such file, open '${path}'`);
    };
    return readSite(document, undefined, { read, now: new Date(), stack: "site-a" });
}

/** "key: problem; fix" of every issue. */
const messages = ({ issues }: ReturnType<typeof readSite>) =>
    issues.map(({ key, problem, fix }) => `${key}: ${problem}${fix === "" ? "" : `; ${fix}`}`);

test("a replaced puller stays valid for 7 days, or a third of its maxAge if that is less; another overlap can be set", () => {
    const overlap = (puller?: object) => {
        const robots = puller === undefined ? {} : { robots: { puller } };
        return site({ registry: { ...registry, type: "harbor" }, ...robots }).site?.robots.puller.overlap;
    };
    expect([overlap(), overlap({}), overlap({ maxAge: "15d" })]).toEqual([7, 7, 5]);
    expect([overlap({ overlap: "0d" }), overlap({ overlap: "30d" })]).toEqual([0, 30]);
});

test("what replaces robot accounts is a text of both or of one of them", () => {
    const robots = { rotate: "audit", importer: { rotate: "leak" }, puller: {} };
    expect(site({ registry: { ...registry, type: "quay" }, robots }).site?.robots).toEqual({
        rotate: "audit",
        importer: { maxAge: 30, rotate: "leak" },
        puller: { maxAge: 90, overlap: 7 },
    });
    expect(messages(site({ registry: { ...registry, type: "quay" }, robots: { rotate: 7 } }))).toEqual([
        expect.stringMatching(/^site\.robots\.rotate: .*write a text in quotes$/),
    ]);
});

test("an overlap may be longer than maxAge, and must be a number of days", () => {
    const robots = { puller: { maxAge: "30d", overlap: "40d" } };
    expect(site({ registry: { ...registry, type: "harbor" }, robots }).site?.robots.puller.overlap).toBe(40);
    const negative = site({ registry: { ...registry, type: "quay" }, robots: { puller: { overlap: "-1d" } } });
    const rejected = /^site\.robots\.puller\.overlap: .*from 0d to 3650d; write a number of days, as in 7d$/;
    expect(messages(negative)).toEqual([expect.stringMatching(rejected)]);
});

test("how robot accounts are rotated is said of both or of one of them; generations are what no state names", () => {
    const rotations = (robots?: object) => {
        const { importer, puller } = site({ registry: { ...registry, type: "quay" }, ...(robots && { robots }) }).site
            ?.robots ?? { importer: {}, puller: {} };
        return [importer, puller].map((role) => ("rotation" in role ? role.rotation : undefined));
    };
    expect([rotations(), rotations({ rotation: "generations" })]).toEqual(Array(2).fill([undefined, undefined]));
    expect(rotations({ rotation: "in-place" })).toEqual(["in-place", "in-place"]);
    expect(rotations({ rotation: "in-place", puller: { rotation: "generations" } })).toEqual(["in-place", undefined]);
    expect(rotations({ puller: { rotation: "in-place" } })).toEqual([undefined, "in-place"]);
    expect(messages(site({ registry: { ...registry, type: "quay" }, robots: { rotation: "never" } }))).toEqual([
        expect.stringMatching(/^site\.robots\.rotation: .*write generations or in-place$/),
    ]);
});

test("a token of JFrog has no other secret, and distribution no robot accounts: each key is named", () => {
    const robots = { rotation: "in-place", importer: { rotation: "generations" }, puller: { rotation: "in-place" } };
    const problem =
        "jfrog cannot give an account a new secret in place: its secret is a token, and a new one is another token";
    expect(messages(site({ registry: { ...registry, type: "jfrog" }, robots }))).toEqual([
        `site.robots.rotation: ${problem}; write generations, or leave it out`,
        `site.robots.puller.rotation: ${problem}; write generations, or leave it out`,
    ]);
    expect(messages(site({ registry: { ...registry, type: "distribution" }, robots }))).toEqual([
        "site.robots: distribution has no robot accounts; leave it out",
    ]);
});
