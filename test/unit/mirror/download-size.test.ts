import { downloadSize } from "../../../lib/mirror/download-size";
import { type Digest, computeDigest } from "../../../lib/oci/digest";

const digest = (text: string): Digest => computeDigest(text);
const manifest = (...names: string[]) => ({ mediaType: "m", size: 1, blobs: names.map(digest) });
const index = (...names: string[]) => ({ mediaType: "i", size: 1, manifests: names.map(digest) });

const facts = {
    manifests: {
        [digest("app")]: manifest("base", "app layer"),
        [digest("other")]: manifest("base", "other layer"),
        [digest("large")]: manifest("base", "large layer"),
        [digest("multi")]: index("app", "large", "nowhere"),
    },
    blobs: { [digest("base")]: 100, [digest("app layer")]: 10, [digest("large layer")]: 30 },
    earlier: {
        images: {},
        manifests: {},
        blobs: { [digest("other layer")]: { size: 5, from: [] } },
    },
};

test.each([
    [["app"], 110],
    [["app", "app", "other"], 115],
    [["multi"], 130],
    [["multi", "app"], 140],
    [[], 0],
])("%j: what images share counts once, and of an index its largest image", (names, bytes) => {
    expect(downloadSize([facts], names.map(digest))).toEqual({ bytes, unknown: 0 });
});

test("images that no set describes are counted", () => {
    const none = { manifests: {}, blobs: {}, earlier: { images: {}, manifests: {}, blobs: {} } };
    expect(downloadSize([none, facts], ["app", "gone"].map(digest))).toEqual({ bytes: 110, unknown: 1 });
    expect(downloadSize([], [digest("app")])).toEqual({ bytes: 0, unknown: 1 });
});
