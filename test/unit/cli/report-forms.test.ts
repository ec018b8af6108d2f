import { reportJunit } from "../../../cli/report/report-junit";
import { reportMarkdown } from "../../../cli/report/report-markdown";
import type { SiteReport } from "../../../cli/report/site-report";
import { ReportSite } from "../../support/report-site";
import { readXml } from "../../support/xml";

const MAX_COMMENT_BYTES = 60_000;

let site: ReportSite;
beforeEach(() => (site = new ReportSite("v2.json")));
afterEach(() => site.remove());

/** A report of so many images, half of them not proven. */
async function largeReport(count: number): Promise<SiteReport> {
    const report = await site.report();
    const images = Array.from({ length: count }, (_, i) => ({
        source: `quay.io/org/app-${String(i).padStart(5, "0")}:1`,
        mirror: `registry.example:8443/mirror/quay.io/org/app-${i}:1`,
        digest: `sha256:${String(i).padStart(64, "0")}`,
        sets: ["set1"],
        proofs: [
            i % 2 === 0
                ? { cluster: "", proven: [], problem: "no | `pipe`" }
                : { cluster: "", proven: ["digest" as const] },
        ],
    }));
    return { ...report, images };
}

test("ten thousand images: a comment stays below 60 kB and counts what it leaves out, whole rows; in full it has all", async () => {
    const report = await largeReport(10_000);
    const comment = reportMarkdown(report, { isFull: false });
    expect(Buffer.byteLength(comment)).toBeLessThanOrEqual(MAX_COMMENT_BYTES);
    const rows = comment.split("\n").filter((line) => line.startsWith("| `quay.io/org/"));
    for (const row of rows) expect(row.replaceAll("\\|", "").split("|")).toHaveLength(6);
    const hidden = [...comment.matchAll(/… and (\d+) more/g)].reduce((sum, [, more]) => sum + Number(more), 0);
    expect(rows.length + hidden).toBe(10_000);
    const full = reportMarkdown(report, { isFull: true });
    expect(full.split("\n").filter((line) => line.startsWith("| `quay.io/org/"))).toHaveLength(10_000);
    expect(full).toContain(`\`sha256:${"9999".padStart(64, "0")}\``);
});

test("JUnit is well-formed and counts what it has, whatever the texts are", async () => {
    const hostile = 'a<b> & "c" ]]> \u0000\u001b[31m \ud800 \uffff é\nsecond line';
    const report = await largeReport(4);
    const xml = reportJunit({ ...report, problems: [{ subject: hostile, problem: hostile }] });
    const root = readXml(xml);
    expect(root.name).toBe("testsuites");
    const cases = root.all("testcase");
    expect(root.attributes).toMatchObject({
        tests: String(cases.length),
        failures: String(root.all("failure").length),
        skipped: String(root.all("skipped").length),
    });
    for (const suite of root.all("testsuite"))
        expect(suite.attributes.tests).toBe(String(suite.all("testcase").length));
    expect(root.all("failure").map(({ attributes }) => attributes.message)).toContain("cluster: no | `pipe`");
    expect(xml).toContain("a&lt;b&gt; &amp;");
});
