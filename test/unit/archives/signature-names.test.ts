import { digestHex } from "../../../lib/oci/digest";
import { type TestImage, imageObjects, testImage, testIndex } from "../../support/archives";
import { bench, toImageMap, refused, tagged } from "../../support/oc-mirror-archive";

const app = testImage("app");
const other = testImage("other");
const index = testIndex([testImage("amd64"), testImage("arm64")]);

afterEach(() => bench.clear());

const digestTag = `sha256-${digestHex(app.digest)}`;

describe("a signature", () => {
    const signature = testImage("signature");
    const signatureTag = (image: TestImage | undefined): string => `sha256-${digestHex(image?.digest ?? "")}.sig`;

    it("takes the repositories of its subject, each under the same tag", async () => {
        const contents = await toImageMap({
            tags: [
                tagged("org/app", digestTag, app),
                tagged("org/app", "1", other),
                tagged("org/app", signatureTag(app), signature),
            ],
            imageSet: [`quay.io/org/app@${app.digest}`, `reg.lab/org/app@${app.digest}`, "third.lab/org/app:1"],
        });
        expect(contents[`quay.io/org/app:${signatureTag(app)}`]).toBe(signature.digest);
        expect(contents[`reg.lab/org/app:${signatureTag(app)}`]).toBe(signature.digest);
        expect(contents[`third.lab/org/app:${signatureTag(app)}`]).toBeUndefined();
    });

    it("takes the repository of the index that its subject is in", async () => {
        const tag = signatureTag(index.children[1]);
        const contents = await toImageMap({
            tags: [tagged("org/app", "2", index), tagged("org/app", "1", other), tagged("org/app", tag, signature)],
            imageSet: ["quay.io/org/app:2", "third.lab/org/app:1"],
        });
        expect(contents[`quay.io/org/app:${tag}`]).toBe(signature.digest);
        expect(Object.keys(contents)).toHaveLength(3);
    });

    it("takes the only upstream of its cache repository, if the index of its subject came earlier", async () => {
        const tag = signatureTag(index.children[1]);
        const contents = await toImageMap({
            tags: [tagged("org/app", "2", index), tagged("org/app", tag, signature)],
            imageSet: ["quay.io/org/app:2"],
            history: imageObjects(index).keys(),
        });
        expect(contents).toEqual({ [`quay.io/org/app:${tag}`]: signature.digest });
    });

    it("needs a decision, if it is of an unknown image among several upstreams", async () => {
        const tag = signatureTag(testImage("unknown"));
        const spec = {
            tags: [tagged("org/app", "2", app), tagged("org/app", "1", other), tagged("org/app", tag, signature)],
            imageSet: ["quay.io/org/app:2", "third.lab/org/app:1"],
        };
        expect((await refused(spec)).message).toContain(`org/app:${tag}`);
        expect(await toImageMap(spec, [{ match: `org/app:*.sig`, registry: "quay.io" }])).toHaveProperty([
            `quay.io/org/app:${tag}`,
        ]);
    });
});
