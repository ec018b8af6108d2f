import type { Override } from "../../../lib/mirror/override";
import { digestHex } from "../../../lib/oci/digest";
import { imageSetText, testImage } from "../../support/archives";
import { bench, contentsOf, toImageMap, refused, tagged } from "../../support/oc-mirror-archive";

const app = testImage("app");

afterEach(() => bench.clear());

const digestTag = `sha256-${digestHex(app.digest)}`;

describe("an override", () => {
    const two = {
        tags: [tagged("org/app", "1", app)],
        imageSet: ["registry.redhat.io/org/app:1", "quay.io/org/app:1"],
    };

    it("decides between hosts; the other image is then absent", async () => {
        const contents = await contentsOf(two, [{ match: "org/app:1", registry: "quay.io" }]);
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

    it("does not rename what the archive names, and says so; one without use is told too", async () => {
        const spec = { tags: [tagged("org/app", "1", app)], imageSet: ["quay.io/org/app:1"] };
        const contents = await contentsOf(spec, [
            { match: "org/*", registry: "reg.lab" },
            { match: "orgg/*", registry: "reg.lab" },
        ]);
        expect([...contents.images.keys()]).toEqual(["quay.io/org/app:1"]);
        expect(contents.notes).toEqual([
            "override org/* is not needed for org/app:1: it is quay.io/org/app:1",
            "override orgg/* matches nothing in the archive",
        ]);
    });

    it("is refused if its registry is not a host", async () => {
        const spec = { tags: [tagged("org/app", "1", app)] };
        await expect(contentsOf(spec, [{ match: "**", registry: "foo" }])).rejects.toMatchObject({
            code: "OVERRIDE_INVALID",
        });
    });
});
