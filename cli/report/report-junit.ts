import { escapedLines } from "../../lib/errors/text";
import { clusterSubject } from "./report-clusters";
import type { ReportAccount, ReportCluster, ReportImage, ReportSet, SiteReport } from "./site-report";

interface TestCase {
    readonly name: string;
    /** Why it is not proven. */
    readonly failure?: string;
    /** Why nothing proves it. */
    readonly skipped?: string;
    /** What was proven, and how. */
    readonly output?: string;
}

interface TestSuite {
    readonly name: string;
    /** When it was proven, RFC 3339; absent: the time of the state. */
    readonly at?: string | undefined;
    readonly cases: readonly TestCase[];
}

/**
 * A report as JUnit XML, which CI systems show: a test suite for the site, for each set (a test case for each image), each
 * cluster, and the accounts. Failed is what should be proven and is not, skipped what nothing asks to prove.
 */
export function reportJunit(report: SiteReport): string {
    const suites = [
        siteSuite(report),
        ...report.sets.map((set) => setSuite(set, report.images)),
        ...report.clusters.map(clusterSuite),
        { name: "accounts", cases: report.accounts.map(accountCase) },
    ].filter(({ cases }) => cases.length > 0);
    const all = suites.flatMap(({ cases }) => cases);
    const attributes = { name: `registry-passthrough ${report.stack}`, ...counts(all) };
    return [
        '<?xml version="1.0" encoding="UTF-8"?>',
        `<testsuites${xmlAttributes(attributes)}>`,
        ...suites.flatMap((suite) => suiteLines(suite, report)),
        "</testsuites>",
        "",
    ].join("\n");
}

function siteSuite({ problems, notProven }: SiteReport): TestSuite {
    const failed = problems.map(({ subject, problem, fix }) => ({
        name: `${subject}: ${problem}`,
        failure: `${problem}${fix === undefined ? "" : `; ${fix}`}`,
    }));
    const fine = { name: "everything that should be proven is proven" };
    const skipped = notProven.map(({ subject, reason }) => ({ name: `${subject}: ${reason}`, skipped: reason }));
    return { name: "site", cases: [...(failed.length === 0 ? [fine] : failed), ...skipped] };
}

function setSuite({ name, importedAt }: ReportSet, images: readonly ReportImage[]): TestSuite {
    return {
        name: `set ${name}`,
        at: importedAt,
        cases: images.filter(({ sets }) => sets.includes(name)).map(imageCase),
    };
}

function imageCase({ source, digest, mirror, proofs }: ReportImage): TestCase {
    const lines = proofs.map(
        ({ cluster, proven, problem }) => `${clusterSubject(cluster)}: ${problem ?? proven.join(", ")}`,
    );
    const isProven = proofs.length > 0 && proofs.every(({ problem }) => problem === undefined);
    if (!isProven) return { name: source, failure: lines.join("\n") || "no validation" };
    return { name: source, output: [`${digest ?? ""} at ${mirror}`, ...lines].join("\n") };
}

function clusterSuite({ name, rollout, nodes, validation }: ReportCluster): TestSuite {
    const behind = (rollout?.behind ?? []).map((what) => ({ name: `nodes have the rules: ${what}`, failure: what }));
    const pools = (rollout?.pools ?? []).map(({ pool, nodes: count, configuration }) => ({
        name: `pool ${pool}: nodes have the rules`,
        output: `${count} with ${configuration}`,
    }));
    const pulls = (nodes?.pools ?? []).flatMap(({ pool, results }) =>
        results.map((result) => ({ name: `pool ${pool}: ${result}` })),
    );
    return {
        name: clusterSubject(name),
        at: nodes?.provenAt ?? validation?.provenAt,
        cases: [validationCase(validation), ...behind, ...pools, ...pulls],
    };
}

function validationCase(validation: ReportCluster["validation"]): TestCase {
    const name = "every image can be pulled through its rules";
    if (validation === undefined) return { name, failure: "this was never proven" };
    const { status, images, manifests, blobs, account } = validation;
    if (status === "failing") return { name, failure: "a refresh found that images cannot be pulled" };
    const who = account === undefined ? "" : `, as ${account}`;
    return { name, output: `${images} images, ${manifests} manifests, ${blobs} blobs${who}` };
}

/** What is wrong with one is a problem of the site. */
function accountCase({ role, username, origin, due, users }: ReportAccount): TestCase {
    const until = due === undefined ? [] : [`due ${due.at}: ${due.reason}`];
    return {
        name: `${role} ${username ?? "of the configuration"} (${origin})`,
        output: [...until, ...users.map((user) => `used by: ${user}`)].join("\n"),
    };
}

function counts(cases: readonly TestCase[]) {
    const count = (of: "failure" | "skipped") => cases.filter((one) => one[of] !== undefined).length;
    return { tests: cases.length, failures: count("failure"), errors: 0, skipped: count("skipped"), time: 0 };
}

function suiteLines({ name, at, cases }: TestSuite, { stack, recordedAt }: SiteReport): string[] {
    const attributes = { name, ...counts(cases), timestamp: xmlTime(at ?? recordedAt) };
    const classname = `${stack}.${name}`;
    return [
        `  <testsuite${xmlAttributes(attributes)}>`,
        ...cases.map((one) => caseLine(one, classname)),
        "  </testsuite>",
    ];
}

function caseLine({ name, failure, skipped, output }: TestCase, classname: string): string {
    const open = `    <testcase${xmlAttributes({ classname, name, time: 0 })}`;
    if (failure !== undefined)
        return `${open}><failure${xmlAttributes({ message: firstLine(failure) })}>${xml(failure)}</failure></testcase>`;
    if (skipped !== undefined) return `${open}><skipped${xmlAttributes({ message: skipped })}/></testcase>`;
    return output === undefined || output === ""
        ? `${open}/>`
        : `${open}><system-out>${xml(output)}</system-out></testcase>`;
}

function firstLine(text: string): string {
    return text.split("\n", 1)[0] ?? "";
}

function xmlAttributes(attributes: Readonly<Record<string, string | number>>): string {
    return Object.entries(attributes)
        .map(([name, value]) => ` ${name}="${xml(String(value)).replaceAll('"', "&quot;").replaceAll("\n", " ")}"`)
        .join("");
}

/** The two characters that `escapedLines` leaves and XML 1.0 (2.2) has not. */
const NO_XML = /[\ufffe\uffff]/g;

function xml(text: string): string {
    return escapedLines(text)
        .replace(NO_XML, "?")
        .replaceAll("&", "&amp;")
        .replaceAll("<", "&lt;")
        .replaceAll(">", "&gt;");
}

/** As Ant's schema of JUnit has it: seconds, without a zone. */
function xmlTime(value: string): string {
    const milliseconds = Date.parse(value);
    return Number.isNaN(milliseconds) ? "1970-01-01T00:00:00" : new Date(milliseconds).toISOString().slice(0, 19);
}
