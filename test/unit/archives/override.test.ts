import type { Override } from "../../../lib/mirror/override";
import { digestHex } from "../../../lib/oci/digest";
import { imageSetText, imageObjects, testImage } from "../../support/archives";
import { bench, readContents, toImageMap, offeredOverrides, refused, tagged } from "../../support/oc-mirror-archive";

const app = testImage("app");

afterEach(() => bench.clear());

const digestTag = `sha256-${digestHex(app.digest)}`;

describe("an override", () => {
    const two = {
        tags: [tagged("org/app", "1", app)],
        imageSet: ["registry.redhat.io/org/app:1", "quay.io/org/app:1"],
    };

    it("decides between hosts; the other image is then absent", async () => {
        const contents = await readContents(two, [{ match: "org/app:1", registry: "quay.io" }]);
        expect([...contents.images.keys()]).toEqual(["quay.io/org/app:1"]);
        expect(contents.absent).toEqual(["registry.redhat.io/org/app:1"]);
    });

    it("keeps the repository that a candidate knows better than the cache", async () => {
        const imageSet = `${imageSetText(["quay.io/org/app:1"])}    targetRepo: mine\n  - name: reg.lab/x:1\n    targetRepo: mine\n`;
        const spec = { tags: [tagged("mine", "1", app)], imageSet };
        expect(await toImageMap(spec, [{ match: "mine", registry: "quay.io" }])).toEqual({
            "quay.io/org/app:1": app.digest,
        });
    });

    it.each<[string, Override, string]>([
        ["the repository", { match: "ubi9/ubi", registry: "quay.io" }, "quay.io/ubi9/ubi:9.4"],
        ["repository and tag", { match: "ubi9/ubi:9.4", registry: "quay.io" }, "quay.io/ubi9/ubi:9.4"],
        ["everything below a folder", { match: "ubi9/**", registry: "quay.io" }, "quay.io/ubi9/ubi:9.4"],
        ["any folders in front", { match: "**/ubi", registry: "quay.io" }, "quay.io/ubi9/ubi:9.4"],
        ["one part", { match: "*/u?i", registry: "quay.io" }, "quay.io/ubi9/ubi:9.4"],
        ["everything, with a repository", { match: "**", registry: "quay.io", repository: "x/y" }, "quay.io/x/y:9.4"],
        ["Docker's old host", { match: "**", registry: "index.docker.io", repository: "y" }, "docker.io/library/y:9.4"],
    ])("matches %s", async (_, override, key) => {
        expect(await toImageMap({ tags: [tagged("ubi9/ubi", "9.4", app)] }, [override])).toEqual({ [key]: app.digest });
    });

    it.each(["ubi9", "*", "ubi9/u", "ubi9/ubi:9", "ubi9.ubi", "?bi9/ubi:"])("does not match by %s", async (match) => {
        const spec = { tags: [tagged("ubi9/ubi", "9.4", app)] };
        expect((await refused(spec, [{ match, registry: "quay.io" }])).code).toBe("ARCHIVE_NAMES_UNRESOLVED");
    });

    it("is the first that matches", async () => {
        const overrides = [
            { match: "org/*", registry: "quay.io" },
            { match: "org/app", registry: "reg.lab" },
        ];
        expect(await toImageMap({ tags: [tagged("org/app", "1", app)] }, overrides)).toEqual({
            "quay.io/org/app:1": app.digest,
        });
    });

    it("gives a digest tag a name by digest", async () => {
        const spec = { tags: [tagged("org/app", digestTag, app)] };
        expect(Object.keys(await toImageMap(spec, [{ match: "**", registry: "quay.io" }]))).toEqual([
            `quay.io/org/app@${app.digest}`,
        ]);
    });

    it("that matches nothing is listed as unused; one that says what the archive says changes nothing", async () => {
        const spec = { tags: [tagged("org/app", "1", app)], imageSet: ["quay.io/org/app:1"] };
        const contents = await readContents(spec, [
            { match: "org/*", registry: "quay.io" },
            { match: "orgg/*", registry: "reg.lab" },
        ]);
        expect([...contents.images.keys()]).toEqual(["quay.io/org/app:1"]);
        expect(contents).toMatchObject({ notes: [], unusedOverrides: ["orgg/*"] });
    });

    it("is refused if its registry is not a host", async () => {
        const spec = { tags: [tagged("org/app", "1", app)] };
        await expect(readContents(spec, [{ match: "**", registry: "foo" }])).rejects.toMatchObject({
            code: "OVERRIDE_INVALID",
        });
    });
});

describe("an override that says something else than the archive", () => {
    const spec = { tags: [tagged("org/app", "1", app)], imageSet: ["quay.io/org/app:1"] };

    it.each<[string, Override, string]>([
        ["another host", { match: "org/app:1", registry: "reg.lab" }, "reg.lab/org/app:1"],
        ["another host for the repository", { match: "org/app", registry: "reg.lab" }, "reg.lab/org/app:1"],
        ["another repository", { match: "org/app", registry: "quay.io", repository: "x/y" }, "quay.io/x/y:1"],
        ["another tag", { match: "org/app:1", registry: "quay.io", tag: "2" }, "quay.io/org/app:2"],
    ])("replaces a name without a digest, if it has no wildcards: %s", async (_, override, key) => {
        const contents = await readContents(spec, [override]);
        expect(Object.fromEntries(contents.images)).toEqual({ [key]: app.digest });
        expect(contents.absent).toEqual(["quay.io/org/app:1"]);
        expect(contents.notes).toEqual([`org/app:1 is ${key} by its override; the archive says quay.io/org/app:1`]);
    });

    it("with wildcards is a question, which the override that is offered answers in front of it", async () => {
        for (const pattern of [
            { match: "**", registry: "reg.lab" },
            { match: "org/ap?", registry: "quay.io", repository: "x/y" },
        ]) {
            const error = await refused(spec, [pattern]);
            expect(error.message).toContain(`the pattern of the override ${pattern.match} gives it another name`);
            const offered = offeredOverrides(error, { "quay.io or reg.lab": "quay.io" });
            expect(offered).toEqual([{ match: "org/app:1", registry: "quay.io" }]);
            expect(await toImageMap(spec, [...offered, pattern])).toEqual({ "quay.io/org/app:1": app.digest });
        }
        const other = [
            { match: "org/app:1", registry: "reg.lab" },
            { match: "**", registry: "reg.lab" },
        ];
        expect(await toImageMap(spec, other)).toEqual({ "reg.lab/org/app:1": app.digest });
    });

    it("is refused against a digest, which proves the name; the override that is offered goes in front of it", async () => {
        const tags = [tagged("org/app", digestTag, app), tagged("tools/cli", "1", testImage("cli"))];
        const proven = { tags, imageSet: [`quay.io/org/app@${app.digest}`] };
        for (const match of ["**", "org/app", `org/app:${digestTag}`]) {
            const given = [
                { match, registry: "reg.lab" },
                { match: "tools/*", registry: "reg.lab" },
            ];
            const error = await refused(proven, given);
            expect(error.message).toContain(
                `the archive proves by digest that it is quay.io/org/app@${app.digest}, ` +
                    `the override ${match} says reg.lab/org/app@${app.digest}`,
            );
            expect(error.fix).toContain(`# before "${match}": the first that matches counts`);
            expect(await toImageMap(proven, [...offeredOverrides(error), ...given])).toEqual({
                [`quay.io/org/app@${app.digest}`]: app.digest,
                "reg.lab/tools/cli:1": testImage("cli").digest,
            });
        }
    });

    it("is refused once for a repository whose images are all proven: a release has two hundred", async () => {
        const images = ["a", "b", "c"].map((seed) => testImage(seed));
        const tags = images.map((image) => tagged("org/many", `sha256-${digestHex(image.digest)}`, image));
        const imageSet = images.map(({ digest }) => `quay.io/org/many@${digest}`);
        const given = [{ match: "**", registry: "reg.lab" }];
        const offered = offeredOverrides(await refused({ tags, imageSet }, given));
        expect(offered).toEqual([{ match: "org/many", registry: "quay.io" }]);
        expect(Object.keys(await toImageMap({ tags, imageSet }, [...offered, ...given]))).toEqual(imageSet.sort());
        const mixed = { tags: [...tags, tagged("org/many", "1", app)], imageSet };
        expect(offeredOverrides(await refused(mixed, given))).toHaveLength(3);
    });

    it("gives a tag to what is known by its digest, and is no other name then", async () => {
        const desired = `quay.io/org/app@${app.digest}`;
        const override = { match: "org/app", registry: "quay.io", tag: "1" };
        const contents = await readContents({ tags: [tagged("org/app", digestTag, app)], imageSet: [desired] }, [
            override,
        ]);
        expect(Object.fromEntries(contents.images)).toEqual({ "quay.io/org/app:1": app.digest });
        expect(contents.absent).toEqual([]);
    });

    it("renames an image that an earlier archive brought as well", async () => {
        const earlier = { ...spec, history: [...imageObjects(app).keys()] };
        const contents = await readContents(earlier, [{ match: "org/app:1", registry: "reg.lab" }]);
        expect([...contents.earlierImages]).toEqual([["reg.lab/org/app:1", app.digest]]);
        const error = await refused(earlier, [{ match: "**", registry: "reg.lab" }]);
        expect(error.message).toContain("the pattern of the override ** gives it another name");
    });

    it("does not reach signatures, which follow their image, unless it is for their own tag", async () => {
        const signature = testImage("signature");
        const tag = `sha256-${digestHex(app.digest)}.sig`;
        const signed = { ...spec, tags: [...spec.tags, tagged("org/app", tag, signature)] };
        const given = [
            { match: "org/app:1", registry: "quay.io" },
            { match: "org/**", registry: "reg.lab" },
        ];
        expect(Object.keys(await toImageMap(signed, given))).toEqual(["quay.io/org/app:1", `quay.io/org/app:${tag}`]);
        const own = await readContents(signed, [{ match: `org/app:${tag}`, registry: "reg.lab" }]);
        expect([...own.images.keys()]).toEqual(["quay.io/org/app:1", `reg.lab/org/app:${tag}`]);
        expect(own.notes).toEqual([expect.stringContaining("by its override")]);
    });

    it("does not rename what oc-mirror built, if it has wildcards", async () => {
        const graph = { tags: [tagged("openshift/graph-image", "latest", app)] };
        const given = [{ match: "**", registry: "quay.io" }];
        const error = await refused(graph, given);
        const offered = offeredOverrides(error, { "localhost or quay.io": "localhost" });
        const key = "localhost/openshift/graph-image:latest";
        expect(await toImageMap(graph, [...offered, ...given])).toEqual({ [key]: app.digest });
    });

    it("is matched by what is left out as well: no note says that it matches nothing", async () => {
        const missing = await readContents({ tags: [] }, [{ match: "openshift/graph-image", registry: "reg.lab" }]);
        expect(missing).toMatchObject({ notes: [], unusedOverrides: ["openshift/graph-image"] });
    });
});
