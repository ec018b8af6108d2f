import { digestHex } from "../../../lib/oci/digest";
import { imageSetText, imageObjects, testImage, testIndex } from "../../support/archives";
import { bench, readContents, toImageMap, offeredOverrides, refused, tagged } from "../../support/oc-mirror-archive";

const app = testImage("app");
const other = testImage("other");
const index = testIndex([testImage("amd64"), testImage("arm64")]);

afterEach(() => bench.clear());

const digestTag = `sha256-${digestHex(app.digest)}`;

describe("a tag of the cache is named by the image set", () => {
    it.each<[string, string, string, string, string]>([
        ["a tag", "quay.io/org/app:1", "org/app", "1", "quay.io/org/app:1"],
        ["a host with a port", "reg.lab:5000/org/app:1", "org/app", "1", "reg.lab:5000/org/app:1"],
        ["a digest", `quay.io/org/app@${app.digest}`, "org/app", digestTag, `quay.io/org/app@${app.digest}`],
        [
            "a digest as 4.16 files it",
            `quay.io/org/app@${app.digest}`,
            "org/app",
            digestHex(app.digest),
            `quay.io/org/app@${app.digest}`,
        ],
        ["a tag with a digest", `quay.io/org/app:1@${app.digest}`, "org/app", "1", "quay.io/org/app:1"],
        ["a Docker short name", "nginx:1.27", "nginx", "1.27", "docker.io/library/nginx:1.27"],
        ["a name whose first part is no host", "team0/app0:v1", "app0", "v1", "docker.io/team0/app0:v1"],
        ["a name without tag", "quay.io/org/app", "org/app", "latest", "quay.io/org/app:latest"],
        ["a transport in front", "docker://quay.io/org/app:1", "org/app", "1", "quay.io/org/app:1"],
    ])("with %s", async (_, name, repository, tag, key) => {
        const contents = await readContents({ tags: [tagged(repository, tag, app)], imageSet: [name] });
        expect(Object.fromEntries(contents.images)).toEqual({ [key]: app.digest });
        expect(contents.absent).toEqual([]);
    });

    it("under its source, not under targetRepo and targetTag", async () => {
        const imageSet = `${imageSetText(["quay.io/org/app:1"])}    targetRepo: mine/app\n    targetTag: stable\n`;
        expect(await toImageMap({ tags: [tagged("mine/app", "stable", app)], imageSet })).toEqual({
            "quay.io/org/app:1": app.digest,
        });
    });

    it("twice, if one upstream is filed under two cache names", async () => {
        const tags = [tagged("nginx", "1", app), tagged("library/nginx", "1", app)];
        const imageSet = ["nginx:1", "docker.io/library/nginx:1"];
        expect(await toImageMap({ tags, imageSet })).toEqual({ "docker.io/library/nginx:1": app.digest });
        const error = await refused({
            tags: [tagged("nginx", "1", other), tagged("library/nginx", "1", app)],
            imageSet,
        });
        expect(error.message).toContain(`docker.io/library/nginx:1 is also the name of ${app.digest}`);
    });

    it("for every host, if the digest says that they are one image", async () => {
        const imageSet = [`quay.io/org/app@${app.digest}`, `registry.redhat.io/org/app@${app.digest}`];
        expect(await toImageMap({ tags: [tagged("org/app", digestTag, app)], imageSet })).toEqual({
            [`quay.io/org/app@${app.digest}`]: app.digest,
            [`registry.redhat.io/org/app@${app.digest}`]: app.digest,
        });
    });

    it("for the host with the digest, if another has the same tag without one: that one is absent", async () => {
        const imageSet = [`quay.io/org/app:1@${app.digest}`, "registry.redhat.io/org/app:1"];
        const contents = await readContents({ tags: [tagged("org/app", "1", app)], imageSet });
        expect([...contents.images.keys()]).toEqual(["quay.io/org/app:1"]);
        expect(contents.absent).toEqual(["registry.redhat.io/org/app:1"]);
    });
});

describe("a tag of the cache is named by other files of the archive too", () => {
    const tags = [tagged("org/app", "1", app)];

    it.each([
        [
            "working-dir/dry-run/mapping.txt",
            "docker://quay.io/deep/org/app:1=docker://localhost:55000/org/app:1\n",
            "quay.io/deep/org/app:1",
        ],
        ["working-dir/isc_pinned_2026-01-01T00:00:00Z.yaml", imageSetText(["quay.io/org/app:1"]), "quay.io/org/app:1"],
        [
            "working-dir/delete/delete-images-x.yaml",
            "items:\n- imageName: docker://quay.io/org/app:1\n",
            "quay.io/org/app:1",
        ],
    ])("%s", async (name, text, key) => {
        const contents = await readContents({ tags, files: { [name]: text } });
        expect([...contents.images.keys()]).toEqual([key]);
        expect(contents.absent).toEqual([]);
    });

    it("whose own wishes do not count: they may be of earlier runs", async () => {
        const mapping = "docker://quay.io/gone/x:1=docker://localhost:55000/gone/x:1\nnonsense\n";
        const contents = await readContents({
            tags,
            imageSet: ["quay.io/org/app:1"],
            files: { "working-dir/dry-run/mapping.txt": mapping },
        });
        expect(contents.absent).toEqual([]);
    });
});

describe("names that need a decision", () => {
    it("are all listed in one error, with digest, candidates and the overrides to write", async () => {
        const error = await refused({
            tags: [tagged("org/app", "1", app), tagged("tools/cli", "2.1", other), tagged("ok/ok", "1", index)],
            imageSet: ["registry.redhat.io/org/app:1", "quay.io/org/app:1", "quay.io/ok/ok:1"],
        });
        expect(error.code).toBe("ARCHIVE_NAMES_UNRESOLVED");
        expect(error.message).toContain("2 names have no single upstream");
        expect(error.message).toContain(
            `org/app:1 (${app.digest}): several upstreams are possible: quay.io/org/app:1, registry.redhat.io/org/app:1`,
        );
        expect(error.message).toContain(`tools/cli:2.1 (${other.digest}): no upstream name is known`);
        expect(error.fix).toContain('- {match: "org/app:1", registry: <upstream host>}');
        expect(error.fix).toContain('- {match: "tools/cli", registry: <upstream host>}');
        expect(error.fix).toContain("--dry-run on the connected side");
        expect(error.message).not.toContain("ok/ok");
    });

    it("are asked for by tag where another image of the repository has a name: the answer is not for that one", async () => {
        const spec = {
            tags: [tagged("org/app", "1", app), tagged("org/app", "2", other)],
            imageSet: ["quay.io/org/app:1"],
        };
        const offered = offeredOverrides(await refused(spec), { "upstream host": "reg.lab" });
        expect(offered).toEqual([{ match: "org/app:2", registry: "reg.lab" }]);
        expect(await toImageMap(spec, offered)).toEqual({
            "quay.io/org/app:1": app.digest,
            "reg.lab/org/app:2": other.digest,
        });
    });

    it("include a name whose digest is another one, which is named", async () => {
        const wished = `quay.io/org/app:1@${other.digest}`;
        const error = await refused({ tags: [tagged("org/app", "1", app)], imageSet: [wished] });
        expect(error.message).toContain(
            `org/app:1 (${app.digest}): the names that it could have are of other digests: ${wished}`,
        );
    });

    it("include a digest tag that points elsewhere, which no override cures", async () => {
        const tags = [tagged("org/app", `sha256-${digestHex(other.digest)}`, app)];
        const error = await refused({ tags, imageSet: [`quay.io/org/app@${other.digest}`] }, [
            { match: "**", registry: "quay.io" },
        ]);
        expect(error.message).toContain("oc-mirror changed the image");
        expect(error.fix).not.toContain("match:");
    });

    it("are counted beyond the first hundred", async () => {
        const tags = Array.from({ length: 103 }, (_, at) => tagged(`r${at}/x`, "1", app));
        const error = await refused({ tags });
        expect(error.message).toContain("103 names have");
        expect(error.message).toContain("and 3 more");
    });
});

describe("a tag whose manifest is not in the archive", () => {
    const spec = { tags: [tagged("org/app", "1", app), tagged("org/other", "2", other)] };

    it("came earlier, if the history has it and the image set wants it", async () => {
        const imageSet = ["quay.io/org/app:1", "quay.io/org/other:2"];
        const contents = await readContents({ ...spec, imageSet, history: imageObjects(app).keys() });
        expect([...contents.images.keys()]).toEqual(["quay.io/org/other:2"]);
        expect([...contents.earlierImages]).toEqual([["quay.io/org/app:1", app.digest]]);
        expect(contents.absent).toEqual([]);
    });

    it("is left out and counted, if the history has it and nobody wants it", async () => {
        const contents = await readContents({
            ...spec,
            imageSet: ["quay.io/org/other:2"],
            history: imageObjects(app).keys(),
        });
        expect(contents.earlierImages.size).toBe(0);
        expect(contents.notes).toEqual([expect.stringContaining("1 tags came with earlier archives")]);
    });

    it("is left out and counted, if no history has it: it belongs to another image set", async () => {
        const contents = await readContents({
            ...spec,
            imageSet: ["quay.io/org/other:2"],
            leaveOut: imageObjects(app).keys(),
        });
        expect([...contents.images.keys()]).toEqual(["quay.io/org/other:2"]);
        expect(contents.notes).toEqual([expect.stringContaining("1 tags of the cache are of other image sets")]);
    });

    it("is absent, if no history has it and the image set wants it, as is what has no tag at all", async () => {
        const imageSet = ["quay.io/org/other:2", "quay.io/org/app:1", `quay.io/org/app@${other.digest}`];
        const contents = await readContents({ ...spec, imageSet, leaveOut: imageObjects(app).keys() });
        expect(contents.absent).toEqual(["quay.io/org/app:1", `quay.io/org/app@${other.digest}`]);
    });

    it("needs a decision, if it came earlier and two wishes fit", async () => {
        const imageSet = ["quay.io/org/app:1", "reg.lab/org/app:1", "quay.io/org/other:2"];
        const error = await refused({ ...spec, imageSet, history: imageObjects(app).keys() });
        expect(error.message).toContain("quay.io/org/app:1, reg.lab/org/app:1");
    });

    it("came now, if the history has it but the archive holds it", async () => {
        const files = { "working-dir/.history/.history-2026-01-01T00:00:00Z": `${app.digest}\n` };
        const contents = await readContents({
            tags: [tagged("org/app", "1", app)],
            imageSet: ["quay.io/org/app:1"],
            files,
        });
        expect([...contents.images.keys()]).toEqual(["quay.io/org/app:1"]);
        expect(contents.earlierImages.size).toBe(0);
    });
});

it("an image set says what cannot be checked: the images of charts", async () => {
    const imageSet = `${imageSetText(["quay.io/org/app:1"])}  helm: {}\n  operators:\n`;
    const contents = await readContents({ tags: [], imageSet });
    expect(contents.notes).toEqual([expect.stringContaining("also asks for helm charts")]);
});

describe("an image that was read from a folder", () => {
    const imageSet = imageSetText(["oci:///home/me/app"]);
    const tags = [tagged("home/me/app", "latest", app)];

    it("is asked for by name, with its folder and the override to write", async () => {
        const error = await refused({ tags, imageSet });
        expect(error.message).toContain(
            `home/me/app:latest (${app.digest}): it was read from oci:///home/me/app, which is no registry`,
        );
        expect(error.fix).toContain('- {match: "home/me/app", registry: <upstream host>}');
    });

    it("has the name that an override gives it", async () => {
        const override = { match: "home/me/*", registry: "quay.io", repository: "me/app" };
        expect(await toImageMap({ tags, imageSet }, [override])).toEqual({ "quay.io/me/app:latest": app.digest });
    });

    it("is filed under targetRepo and targetTag, if they are given", async () => {
        const targets = `${imageSet}    targetRepo: mine/app\n    targetTag: "7"\n`;
        const error = await refused({ tags: [tagged("mine/app", "7", app)], imageSet: targets });
        expect(error.message).toContain("mine/app:7");
        expect(error.message).toContain("it was read from oci:///home/me/app");
    });
});
