import fc from "fast-check";
import { type ImportedImages } from "../../../cli/stack/imported-images";
import { planMarkdown } from "../../../cli/commands/plan-markdown";
import { type OfflinePlan, planOffline } from "../../../lib/import";
import { computeDigest } from "../../../lib/oci/digest";
import { compareClusters } from "../../../lib/openshift";

/** A comment on GitHub holds 65,536 characters, and its own words come before the plan. */
const MAX_COMMENT_BYTES = 60_000;
const [ONE, TWO] = [computeDigest("one"), computeDigest("two")];
const nothing: ImportedImages = { images: {}, source: "nothing" };

/** Image names of any length up to what a registry takes, all different. */
const toImageMap = (count: number, length: number, digest: string) =>
    Object.fromEntries(
        Array.from({ length: count }, (_, i) => {
            const path = `quay.io/org/${String(i).padStart(6, "0")}`;
            return [`${path}${"x".repeat(Math.max(0, length - path.length - 2))}:1`, digest];
        }),
    );

/** Every line of a table is whole: it begins and ends as a row, with as many cells as its head. */
function expectWholeTables(markdown: string): void {
    let cells = 0;
    for (const line of markdown.split("\n")) {
        if (!line.startsWith("|")) {
            expect(line).not.toContain("| `");
            cells = 0;
            continue;
        }
        expect(line.endsWith("|")).toBe(true);
        const count = line.replaceAll("\\|", "").split("|").length;
        if (cells > 0) expect(count).toBe(cells);
        cells = count;
    }
    expect(markdown.match(/<details>/g)?.length).toBe(markdown.match(/<\/details>/g)?.length);
}

/** The rows under a heading, and how many it says it does not show. */
function counted(markdown: string, title: RegExp): { shown: number; hidden: number } {
    const section = markdown.split("<details>").find((part) => title.test(part)) ?? "";
    const hidden = /… and (\d+) more/.exec(section)?.[1];
    return { shown: (section.match(/^\| `/gm) ?? []).length, hidden: Number(hidden ?? 0) };
}

test("the comment names what is added, changed and removed, and what it is compared with", () => {
    const facts = { manifests: { [TWO]: { mediaType: "m", size: 1234 } }, blobs: {} };
    const sets = [
        { name: "2026-11", images: { "quay.io/a/b:1": TWO, "quay.io/a/c:1": TWO, "quay.io/a/d:1": ONE }, facts },
    ];
    const before = { "quay.io/a/c:1": ONE, "quay.io/a/d:1": ONE, "quay.io/a/e:1": ONE };
    const markdown = planMarkdown({ plan: planOffline(sets, before), refused: [], notes: [] }, "site-a", {
        images: before,
        source: "base.json",
        note: "half of it",
    });
    expect(markdown).toContain("### Images of `site-a`: 1 to add, 1 to change, 1 to remove; at most 2.47 kB");
    expect(markdown).toContain("Compared with base.json.");
    expect(markdown).toContain("**Note:** half of it");
    expect(markdown).toContain("| `2026-11` | 1 | 1 | 1 | 2.47 kB |");
    expect(markdown).toContain(`| \`quay.io/a/c:1\` | \`${ONE.slice(0, 19)}\` | \`${TWO.slice(0, 19)}\` |`);
    expect(markdown).toContain(`| \`quay.io/a/b:1\` | \`${TWO.slice(0, 19)}\` |`);
    expect(markdown).toContain("1 image to remove from the sets, kept in the registry");
    expect(markdown).not.toContain("quay.io/a/d:1");
    expectWholeTables(markdown);
});

test("10,000 images of the longest names fit below 60 kB: rows are whole, and what is not shown is counted", () => {
    fc.assert(
        fc.property(
            fc.integer({ min: 10, max: 380 }),
            fc.integer({ min: 0, max: 10_000 }),
            fc.integer({ min: 0, max: 10_000 }),
            (length, comes, changes) => {
                const wanted = { ...toImageMap(10_000, length, TWO) };
                const names = Object.keys(wanted);
                const before = {
                    ...Object.fromEntries(names.slice(0, changes).map((name) => [name, ONE])),
                    ...Object.fromEntries(names.slice(changes, changes + comes).map((name) => [name, TWO])),
                    ...toImageMap(10_000, length + 1, ONE),
                };
                const plan = planOffline([{ name: "s".repeat(300), images: wanted }], before);
                const markdown = planMarkdown({ plan, refused: [], notes: [] }, "site", nothing);
                expect(Buffer.byteLength(markdown)).toBeLessThanOrEqual(MAX_COMMENT_BYTES);
                expectWholeTables(markdown);
                const [set] = plan.sets;
                for (const [title, count] of [
                    [/images? to change</, set?.changing.length],
                    [/images? to add</, set?.coming.length],
                    [/images? to remove/, plan.going.length],
                ] as const) {
                    const { shown, hidden } = counted(markdown, title);
                    expect(shown + hidden).toBe(count);
                }
            },
        ),
        { numRuns: 30 },
    );
});

test("a thousand sets, and texts of any kind from files, break neither the bound nor a table", () => {
    fc.assert(
        fc.property(fc.string({ maxLength: 3000, unit: "grapheme" }), (text) => {
            const image = { image: text, digest: ONE };
            const totals = { coming: 1, changing: 0, unchanged: 0, shared: 1, deleting: 0 };
            const sets = Array.from({ length: 1000 }, (_, i) => ({
                ...{ name: `${text}${String(i)}`, coming: [image], changing: [], unchanged: 0 },
            }));
            const plan: OfflinePlan = { sets, going: [image], onRemove: "keep", totals };
            const markdown = planMarkdown({ plan, refused: [], notes: Array<string>(1000).fill(text) }, text, {
                images: {},
                source: text,
                note: text,
            });
            expect(Buffer.byteLength(markdown)).toBeLessThanOrEqual(MAX_COMMENT_BYTES);
            expect(markdown).toContain("… and 900 more sets");
        }),
        { numRuns: 50 },
    );
    const hostile = planMarkdown(
        {
            refused: [],
            notes: ["a`|b\n| c | d |"],
            plan: {
                sets: [],
                onRemove: "keep",
                going: [{ image: "a`|b\n| c | d |", digest: ONE }],
                totals: { coming: 0, changing: 0, unchanged: 0, shared: 0, deleting: 0 },
            },
        },
        "s",
        nothing,
    );
    expectWholeTables(hostile);
    expect(hostile).toContain("| `a'\\|b \\| c \\| d \\|` |");
});

const RULES = (policy: string) => `[[registry]]
location = "quay.io"
${policy}
[[registry.mirror]]
location = "reg.test/mirror/quay.io"
pull-from-mirror = "digest-only"
`;

test("a change of rules alone is in the comment, with its effect on nodes; so are warnings and deletions", () => {
    const plan = planOffline([], {});
    const before = { registriesConf: RULES(""), objects: { "ImageDigestMirrorSet a": "x: 1\n" } };
    const after = { registriesConf: RULES("blocked = true"), objects: { "ImageDigestMirrorSet a": "x: 2\n" } };
    const clusters = [{ name: "", ...compareClusters(before, after) }];
    const markdown = planMarkdown(
        { plan, clusters, refused: [], notes: ["3 images are known by tag only"] },
        "s",
        nothing,
    );
    expect(markdown).toContain(
        "**Clusters:** mirror rules: 1 source to change; nodes drain and reload CRI-O, one after the other",
    );
    expect(markdown).toContain("| `~ quay.io: upstream: allowed -> forbidden` |");
    expect(markdown).toContain("| `~ ImageDigestMirrorSet a` |");
    expect(markdown).toContain("**Warnings**\n\n- 3 images are known by tag only");
    expectWholeTables(markdown);
    const same = planMarkdown(
        { plan, clusters: [{ name: "", ...compareClusters(after, after) }], refused: [], notes: [] },
        "s",
        nothing,
    );
    expect(same).toContain("**Clusters:** no change for clusters");
    expect(planMarkdown({ plan, refused: [], notes: [] }, "s", nothing)).toContain("**Clusters:** not compared");
    const deleting = planOffline([], { "quay.io/a/b:1": ONE, "quay.io/a/c:1": TWO }, "delete");
    expect(planMarkdown({ plan: deleting, refused: [], notes: [] }, "s", nothing)).toMatch(
        /^### Images of `s`: 0 to add, 0 to change, 2 to remove; 2 images will be DELETED from the registry\n/,
    );
});
