import { join } from "node:path";
import { describeArchive } from "../../../lib/archives";
import { digestHex } from "../../../lib/oci/digest";
import { imageSetText, imageObjects, refusal, testImage, testIndex } from "../../support/archives";
import { bench, readContents, toImageMap, offeredOverrides, refused, tagged } from "../../support/oc-mirror-archive";

const FIXTURE = join(__dirname, "../../fixtures/archives/oc-mirror/helm-same-path");
const app = testImage("app");
const old = testImage("old");
const older = testImage("older");
const NAME = "quay.io/org/app:1";

afterEach(() => bench.clear());

const history = (...digests: string[]) => ({
    "working-dir/.history/.history-2026-01-01T00:00:00Z": `${digests.join("\n")}\n`,
});
const mapping = (...lines: string[]) => ({
    "working-dir/dry-run/mapping.txt": lines
        .map((source) => `docker://${source}=docker://localhost:55000/${source.slice(source.indexOf("/") + 1)}\n`)
        .join(""),
});
const charts = (names: readonly string[]) =>
    `${imageSetText(names)}  helm:\n    local:\n    - name: chart\n      path: chart-1.tgz\n`;

describe("a tag that an image of a Helm chart has taken (written by the real oc-mirror)", () => {
    const [wished, chart] = [
        "14181c54e5df115d9fc1772913bcaebfc69c84d6edcb2b585222be163ae92cc8",
        "8dbcc7a3e3ac8be79ce0b076dd6435fdccee8b641ba236883aaba7d1b10291cf",
    ];

    it("is asked for, with all digests that it has had; the image set's name is not given to the chart's bytes", async () => {
        const error = await refusal(describeArchive(await bench.open(FIXTURE), []));
        expect(error.code).toBe("ARCHIVE_NAMES_UNRESOLVED");
        expect(error.message).toContain(`team/app:1.0 (sha256:${chart}): the tag has pointed to sha256:${wished} too`);
        expect(error.message).toContain("no earlier archive contains all of them");
        expect(error.message).toContain(": registry.redhat.io/team/app:1.0\n");
        expect(error.fix).toContain("targetRepo or targetTag");
    });

    it.each([
        ["quay.io", ["registry.redhat.io/team/app:1.0"]],
        ["registry.redhat.io", []],
    ])("is %s's by the override that is offered", async (host, absent) => {
        const error = await refusal(describeArchive(await bench.open(FIXTURE), []));
        const offered = offeredOverrides(error, { "upstream host": host });
        expect(offered).toEqual([{ match: "team/app:1.0", registry: host }]);
        for (const overrides of [offered, [{ match: "team/**", registry: host }]]) {
            const { lock, notes } = await describeArchive(await bench.open(FIXTURE), overrides);
            expect(lock.images).toEqual({ [`${host}/team/app:1.0`]: `sha256:${chart}` });
            expect(lock.absent).toEqual(absent);
            expect(notes).toEqual([
                expect.stringContaining("there is no dry-run/mapping.txt of this image set"),
                `team/app:1.0 is ${host}/team/app:1.0 by its override; the tag has pointed to sha256:${wished} too`,
            ]);
        }
    });
});

describe("a tag that has had several digests", () => {
    const tags = [tagged("org/app", "1", app, old.digest)];

    it("is asked for where no earlier archive brought one of them", async () => {
        const several = { tags: [tagged("org/app", "1", app, old.digest, older.digest)], imageSet: [NAME] };
        const error = await refused({ ...several, files: history(old.digest) });
        expect(error.message).toContain(`${[old.digest, older.digest].sort().join(", ")} too`);
        expect(error.message).toContain(`: ${NAME}\n`);
        const offered = offeredOverrides(error, { "upstream host": "quay.io" });
        expect(offered).toEqual([{ match: "org/app:1", registry: "quay.io" }]);
        expect(await toImageMap(several, offered)).toEqual({ [NAME]: app.digest });
    });

    it("has moved upstream, where earlier archives brought the others", async () => {
        const moved = { tags, imageSet: [NAME], files: history(old.digest) };
        expect(await toImageMap(moved)).toEqual({ [NAME]: app.digest });
    });

    it("is asked for where the image set has charts, whoever brought the others", async () => {
        const spec = { tags, imageSet: charts([NAME]), files: history(old.digest) };
        const error = await refused(spec);
        expect(error.message).toContain("an image of the image set's Helm charts may have the same path and tag");
        const offered = offeredOverrides(error, { "upstream host": "reg.lab" });
        expect(await toImageMap(spec, offered)).toEqual({ "reg.lab/org/app:1": app.digest });
    });

    it("is asked for where a catalog cannot be read: its images are not known then", async () => {
        const folder = `working-dir/operator-catalogs/index/${digestHex(old.digest)}/catalog-config`;
        const files = { ...history(old.digest), [`${folder}/broken.json`]: '{"schema": "olm.bundle", "image": x}' };
        const error = await refused({ tags, imageSet: [NAME], files });
        expect(error.message).toContain("an image of the image set's catalogs that cannot be read may have");
    });

    it("is certain by its digest, and by a name that accounts for the other digest", async () => {
        const pinned = `quay.io/org/app:1@${app.digest}`;
        expect(await toImageMap({ tags, imageSet: charts([pinned]) })).toEqual({ [NAME]: app.digest });
        const both = [NAME, `reg.lab/org/app:1@${old.digest}`];
        expect(await toImageMap({ tags, imageSet: both })).toEqual({ [NAME]: app.digest });
        expect((await refused({ tags, imageSet: charts(both) })).message).toContain("Helm charts");
    });

    it("is told by a dry run of the same image set, as the cure says, and by no other", async () => {
        const imageSet = charts([NAME]);
        expect((await refused({ tags, imageSet })).fix).toContain("--dry-run");
        const listed = await readContents({ tags, imageSet, files: mapping(NAME, "quay.io/chart/db:2") });
        expect(Object.fromEntries(listed.images)).toEqual({ [NAME]: app.digest });
        expect(listed.notes).toEqual([expect.not.stringContaining("mapping.txt")]);
        const two = await refused({ tags, imageSet, files: mapping(NAME, "reg.lab/org/app:1") });
        expect(two.message).toContain(`several upstreams are possible: ${NAME}, reg.lab/org/app:1`);
        const stale = { tags, imageSet: charts([NAME, "quay.io/new/one:1"]), files: mapping(NAME) };
        expect((await refused(stale)).message).toContain("the tag has pointed to");
    });

    it("is asked for where an earlier archive brought it too, if the image set wants it", async () => {
        const spec = { tags, history: [...imageObjects(app).keys()] };
        const error = await refused({ ...spec, imageSet: [NAME] });
        expect(error.message).toContain(`the tag has pointed to ${old.digest} too`);
        const offered = offeredOverrides(error, { "upstream host": "reg.lab" });
        const contents = await readContents({ ...spec, imageSet: [NAME] }, offered);
        expect([...contents.earlierImages]).toEqual([["reg.lab/org/app:1", app.digest]]);
        expect(contents.absent).toEqual([NAME]);
        expect((await readContents({ ...spec, imageSet: ["quay.io/x/y:1"] })).notes).toEqual([
            expect.stringContaining("1 tags came with earlier archives"),
        ]);
    });

    it("is asked for where the name is not known at all, as any other", async () => {
        const error = await refused({ tags });
        expect(error.message).toContain(`org/app:1 (${app.digest}): no upstream name is known`);
    });
});

it("an image from a folder that has the cache name of another one is asked for", async () => {
    const spec = {
        tags: [tagged("org/app", "latest", app)],
        imageSet: imageSetText(["oci:///org/app", "quay.io/org/app:latest"]),
    };
    const error = await refused(spec);
    expect(error.message).toContain("the image of oci:///org/app has the same name in the cache");
    const offered = offeredOverrides(error, { "upstream host": "quay.io" });
    expect(await toImageMap(spec, offered)).toEqual({ "quay.io/org/app:latest": app.digest });
});

describe("what oc-mirror files under names of its own is not contested:", () => {
    const imageSet = (catalog: string) => `mirror:\n  helm: {}\n  operators:\n  - {catalog: ${catalog}, full: true}\n`;

    it("the image of the update graph, which every run builds anew", async () => {
        const tags = [tagged("openshift/graph-image", "latest", app, old.digest)];
        expect(await toImageMap({ tags, imageSet: charts([]) })).toEqual({
            "localhost/openshift/graph-image:latest": app.digest,
        });
    });

    it("a whole catalog whose digest was read as one", async () => {
        const catalog = "registry.redhat.io/acme/index:v4.18";
        const tags = [tagged("acme/index", "v4.18", app, old.digest)];
        const content = `working-dir/operator-catalogs/index/${digestHex(app.digest)}/catalog-config/x/catalog.json`;
        const read = { tags, imageSet: imageSet(catalog), files: { [content]: "{}" } };
        expect(await toImageMap(read)).toEqual({ [catalog]: app.digest });
        const unread = { ...read, files: { [content.replace(digestHex(app.digest), digestHex(old.digest))]: "{}" } };
        expect((await refused(unread)).message).toContain("the tag has pointed to");
    });

    it("a digest's own tag, and a child of an index", async () => {
        const index = testIndex([app]);
        const tag = `sha256-${digestHex(index.digest)}`;
        expect(
            await toImageMap({
                tags: [tagged("org/multi", tag, index, old.digest)],
                imageSet: charts([`quay.io/org/multi@${index.digest}`]),
            }),
        ).toEqual({ [`quay.io/org/multi@${index.digest}`]: index.digest });
    });
});
