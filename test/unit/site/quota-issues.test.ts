import type { Digest } from "../../../lib/oci/digest";
import { type LockedImages, quotaIssues } from "../../../lib/site/quota-issues";

const digest = (letter: string) => `sha256:${letter.repeat(64)}` as Digest;
const [index, first, second, shared, own, other, later] = [..."0123456"].map((letter) => digest(letter)) as [
    ...[Digest, Digest, Digest, Digest, Digest, Digest, Digest],
];
const manifest = (parts: object) => ({ mediaType: "application/vnd.oci.image.manifest.v1+json", size: 500, ...parts });

/** An index of two images that share a layer, and an image that nobody wants. */
const SET: LockedImages = {
    images: { "quay.io/team/app:1": index, "quay.io/team/tool:1": second },
    lock: {
        manifests: {
            [index]: manifest({ manifests: [first, second] }),
            [first]: manifest({ blobs: [shared, own] }),
            [second]: manifest({ blobs: [shared, other] }),
            [later]: manifest({ blobs: [digest("7")] }),
        },
        blobs: { [shared]: 3e9, [own]: 2e9, [other]: 1e9, [digest("7")]: 1e12 },
    },
};
const LATER: LockedImages = {
    images: { "quay.io/team/app:2": later },
    lock: {
        manifests: { [later]: manifest({ blobs: [shared, digest("8")] }) },
        blobs: { [shared]: 3e9, [digest("8")]: 500_000_000 },
    },
};

test("a quota below the content is refused with what the content needs: blobs of all sets, each once", () => {
    expect(quotaIssues(5e9, [SET])).toEqual([
        {
            key: "site.registry.quota",
            problem: "the content has 6.00 GB, which is more than 5.00 GB",
            fix: "write at least 6GB and room for what is replaced, or leave images out (site.content[].exclude)",
        },
    ]);
    expect(quotaIssues(6_499_999_999, [SET, LATER])).toMatchObject([
        { fix: expect.stringMatching(/at least 7GB/) as string },
    ]);
});

test.each([
    ["one that holds the content", 6_500_000_000],
    ["none", undefined],
])("nothing is wrong with %s", (_, quota) => {
    expect(quotaIssues(quota, [SET, LATER])).toEqual([]);
});
