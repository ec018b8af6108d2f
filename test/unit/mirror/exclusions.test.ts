import { Exclusions, excludeFix } from "../../../lib/mirror/exclusions";
import { computeDigest } from "../../../lib/oci/digest";

const DIGEST = computeDigest("image");
const TAGGED = "quay.io/org/app:1.0";
const UNTAGGED = `quay.io/org/app@${DIGEST}`;

test.each([
    ["quay.io/org/app:1.0", [TAGGED]],
    ["quay.io/org/app", [TAGGED, UNTAGGED]],
    ["quay.io/org/*", [TAGGED, UNTAGGED]],
    ["quay.io/**", [TAGGED, UNTAGGED]],
    ["quay.io/org/app:1.*", [TAGGED]],
    ["quay.io/org/app:?.0", [TAGGED]],
    [UNTAGGED, [TAGGED, UNTAGGED]],
    ["quay.io/*", []],
    ["org/app", []],
    ["app:1.0", []],
    ["quay.io/org/ap", []],
])("%s", (pattern, matching) => {
    const exclusions = new Exclusions([{ key: "--exclude", pattern }]);
    expect([TAGGED, UNTAGGED].filter((source) => exclusions.find(source, DIGEST) !== undefined)).toEqual(matching);
    expect(exclusions.unused().map((rule) => rule.pattern)).toEqual(matching.length === 0 ? [pattern] : []);
});

test("the first pattern that matches is the reason, and a later one that matches too is not without effect", () => {
    const [first, second, other] = ["quay.io/**", TAGGED, "docker.io/**"].map((pattern) => ({ key: pattern, pattern }));
    const exclusions = new Exclusions([first, second, other].flatMap((rule) => rule ?? []));
    expect(exclusions.find(TAGGED)).toBe(first);
    expect(exclusions.unused()).toEqual([other]);
});

test("an image whose digest is not known is matched by name only", () => {
    expect(new Exclusions([{ key: "--exclude", pattern: UNTAGGED }]).find(TAGGED)).toBeUndefined();
});

test("the key to paste is valid YAML and names each image once", () => {
    expect(excludeFix([TAGGED, UNTAGGED, TAGGED])).toMatch(
        new RegExp(
            `^leave them out: add exclude: \\["${TAGGED}", "${UNTAGGED}"\\] to the set .* and lock the set again$`,
        ),
    );
});
