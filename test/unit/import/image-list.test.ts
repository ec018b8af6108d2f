import fc from "fast-check";
import { formatImages, toImageMap, imageText, haveSameImages } from "../../../lib/import";
import { computeDigest } from "../../../lib/oci/digest";

const [ONE, TWO] = [computeDigest("one"), computeDigest("two")];
const IMAGES = { "quay.io/org/app:1": ONE, [`quay.io/org/app@${TWO}`]: TWO };

/** Of the generated maps: a run that others can repeat. */
const SEED = 17;

const source = fc.stringMatching(/^[a-z.]{3,9}\/[a-z]{1,9}(:[A-Za-z0-9_]{1,5}|@sha256:[0-9a-f]{64})$/);
const images = fc.dictionary(
    source,
    fc.stringMatching(/^[0-9a-f]{8}$/).map((hex) => computeDigest(hex)),
);

test("an image is a line, and the lines are sorted", () => {
    expect(formatImages(IMAGES)).toBe(`quay.io/org/app:1 ${ONE}\nquay.io/org/app@${TWO} ${TWO}\n`);
    expect(formatImages({})).toBe("");
});

test("many images are several texts, which are as good as one", () => {
    const many = (count: number) =>
        Object.fromEntries(Array.from({ length: count }, (_, at) => [`quay.io/org/app${at}:1`, ONE]));
    expect(typeof formatImages(many(500))).toBe("string");
    const texts = formatImages(many(1001)) as readonly string[];
    expect(texts.map((text) => text.trim().split("\n").length)).toEqual([500, 500, 1]);
    expect(toImageMap(texts)).toEqual(many(1001));
    expect(imageText.safeParse(texts).success).toBe(true);
    // As earlier releases wrote it.
    expect(haveSameImages(texts.join(""), texts)).toBe(true);
    expect(haveSameImages(texts, formatImages({ ...many(1001), "quay.io/org/app7:1": TWO }))).toBe(false);
    expect(() => toImageMap([...texts, `quay.io/org/app7:1 ${TWO}\n`])).toThrow("is not an image and its digest");
});

test("what is written is read again; the order of keys is no difference", () => {
    fc.assert(
        fc.property(images, (some) => {
            const text = formatImages(some);
            expect(toImageMap(text)).toEqual({ ...some });
            expect(formatImages(Object.fromEntries(Object.entries(some).reverse()))).toEqual(text);
            expect(imageText.safeParse(text).success).toBe(true);
        }),
    );
});

test("whatever is written can be read: other names and digests are refused before", () => {
    const anything = fc.dictionary(
        fc.oneof(source, fc.string(), fc.stringMatching(/^[a-z \t\n\r\u00a0\u2028]{0,4}$/)),
        fc.oneof(fc.constant(ONE), fc.string(), fc.constant(`${ONE} `)),
        { maxKeys: 3 },
    );
    let written = 0;
    let refused = 0;
    fc.assert(
        fc.property(anything, (some) => {
            try {
                const text = formatImages(some);
                written++;
                expect(toImageMap(text)).toEqual({ ...some });
            } catch (error) {
                refused++;
                expect(error).toMatchObject({ code: "IMAGE_LIST_INVALID" });
            }
        }),
        { seed: SEED },
    );
    expect(Math.min(written, refused)).toBeGreaterThan(0);
});

test.each([
    ["a blank", "quay.io/org/my app:1"],
    ["a line end", `quay.io/org/app:1 ${ONE}\nquay.io/org/other:1`],
    ["nothing", ""],
])("a name with %s in it is not written", (_, name) => {
    expect(() => formatImages({ [name]: ONE })).toThrow("make the lock again");
});

test("a map, as the first release had it, is as good as the text", () => {
    expect(toImageMap(IMAGES)).toEqual(IMAGES);
    expect(haveSameImages(IMAGES, formatImages(IMAGES))).toBe(true);
    expect(haveSameImages(formatImages(IMAGES), IMAGES)).toBe(true);
    expect(haveSameImages(IMAGES, formatImages({ ...IMAGES, "quay.io/org/app:1": TWO }))).toBe(false);
    expect(haveSameImages(formatImages(IMAGES), formatImages({}))).toBe(false);
});

test.each([
    ["no line end", `quay.io/org/app:1 ${ONE}`],
    ["an empty line", `quay.io/org/app:1 ${ONE}\n\n`],
    ["no digest", "quay.io/org/app:1\n"],
    ["half a digest", `quay.io/org/app:1 ${ONE.slice(0, 70)}\n`],
    ["no name", ` ${ONE}\n`],
    ["two digests for one image", `quay.io/org/app:1 ${ONE}\nquay.io/org/app:1 ${TWO}\n`],
    ["something after the digest", `quay.io/org/app:1 ${ONE} \n`],
])("a text with %s is refused, and the message shows the line", (_, text) => {
    expect(imageText.safeParse(text).success).toBe(false);
    expect(imageText.safeParse([text]).success).toBe(false);
    expect(() => toImageMap(text)).toThrow(/in the list of images is not an image and its digest; restore the state/);
});
