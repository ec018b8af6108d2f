import { readSite } from "../../../lib/site";
import { serialiseLock } from "../../../lib/lock/lock";
import { computeDigest } from "../../../lib/oci/digest";
import { MEDIA_TYPE_OCI_MANIFEST } from "../../../lib/oci/media-types";

const DIGEST = computeDigest("app");

/** The text of a lock with one image. */
function locked(more: object): string {
    const lock = serialiseLock({
        lockVersion: 1,
        format: "oci-layout",
        parts: [{ name: "index.json", size: 1 }],
        images: { "quay.io/org/app:1": DIGEST },
        manifests: { [DIGEST]: { mediaType: MEDIA_TYPE_OCI_MANIFEST, size: 2, blobs: [] } },
        blobs: {},
        earlier: { images: {}, manifests: {}, blobs: {} },
        absent: [],
    });
    return JSON.stringify({ ...(JSON.parse(lock) as object), ...more });
}

/** "key: problem; fix" of every issue. */
function problems(exclude: readonly string[] | undefined, text: string): string[] {
    const registry = { type: "distribution", mirrorBase: "registry.site-a.example:8443/mirror" };
    const content = [{ archive: "a.tar", lock: "s.json", exclude }];
    const context = { read: () => text, now: new Date(), stack: "site-a" };
    return readSite({ registry, content }, undefined, context).issues.map(
        ({ key, problem, fix }) => `${key}: ${problem}; ${fix}`,
    );
}

describe("exclude is what the lock file was written with:", () => {
    const excluded = { "quay.io/org/left:1": "quay.io/org/left:*" };
    const relock = "write the lock file again: npm run -s passthrough -- lock --stack site-a";

    test("the same patterns are no issue, in whichever order, and one without effect is none either", () => {
        expect(problems(undefined, locked({}))).toEqual([]);
        expect(problems(["quay.io/org/none", "quay.io/org/left:*"], locked({ excluded }))).toEqual([]);
    });

    test("an image in the lock file that a pattern matches, by its name or its digest", () => {
        const byName = "s.json has 1 image that it matches: quay.io/org/app:1";
        expect(problems(["quay.io/org/left:*", "quay.io/org/app"], locked({ excluded }))).toEqual([
            `site.content[0].exclude[1]: ${byName}; ${relock}`,
        ]);
        expect(problems([`quay.io/org/app@${DIGEST}`], locked({}))).toEqual([
            `site.content[0].exclude[0]: ${byName}; ${relock}`,
        ]);
    });

    test("an image that the lock file leaves out by a pattern that is not listed", () => {
        const left = "s.json leaves out 1 image by quay.io/org/left:*, which is not listed here: quay.io/org/left:1";
        expect(problems(undefined, locked({ excluded }))).toEqual([
            `site.content[0].exclude: ${left}; ${relock}; or list it again`,
        ]);
    });

    test("a lock file that lists an image as excluded and has it", () => {
        expect(problems(["quay.io/org/app"], locked({ excluded: { "quay.io/org/app:1": "quay.io/org/app" } }))).toEqual(
            [expect.stringContaining("image quay.io/org/app:1 is listed as excluded, but the lock has it")],
        );
    });
});
