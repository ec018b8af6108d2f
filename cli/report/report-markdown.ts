import { counted, firstLines, formatBytes, markdownCell, markdownCode } from "../../lib/errors/text";
import { MAX_COMMENT_BYTES, type Table, withTables } from "../commands/markdown-tables";
import { clusterSubject } from "./report-clusters";
import type { ReportAccount, ReportCluster, ReportImage, ReportSet, SiteReport } from "./site-report";

const MAX_TEXT = 1000;
/** A comment has room for so many, of each kind; more than that nobody reads there. */
const MAX_LINES = 20;

/** How much a report in Markdown says. */
export interface MarkdownOptions {
    /** Every image with its whole digest, however long that is; else it is a comment on a pull request. */
    readonly isFull: boolean;
}

/** A report as Markdown: what is not proven first. Unless it is full, it is always below `MAX_COMMENT_BYTES`. */
export function reportMarkdown(report: SiteReport, { isFull }: MarkdownOptions): string {
    const most = isFull ? Infinity : MAX_LINES;
    const cut = (lines: readonly string[]) => firstLines(lines, most);
    const opening = [
        `### Validation of ${markdownCode(report.stack, MAX_TEXT)}: ${headline(report)}`,
        "",
        summary(report),
        "",
        ...list("Problems", cut(report.problems.map(({ subject, problem, fix }) => line(subject, problem, fix)))),
        ...table(["Set", "images", "bytes", "imported", "lock"], cut(report.sets.map(setRow))),
        ...table(
            [
                "Cluster",
                "version",
                "images proven",
                "with account",
                "nodes with the rules",
                "pulls by nodes",
                "images in use",
            ],
            cut(report.clusters.map(clusterRow)),
        ),
        ...list(
            "Not proven, since nothing asks for it",
            cut(report.notProven.map(({ subject, reason }) => line(subject, reason))),
        ),
    ].join("\n");
    return withTables(opening, tables(report, isFull), isFull ? Infinity : MAX_COMMENT_BYTES);
}

/** "proven", or "NOT proven, 2 problems". */
export function headline({ verdict, problems }: Pick<SiteReport, "verdict" | "problems">): string {
    return verdict === "proven" ? "proven" : `NOT proven, ${counted(problems.length, "problem")}`;
}

function summary({ images, mirrorBase, registry, recordedAt, lastRun }: SiteReport): string {
    const version = registry.version === undefined ? "" : `, ${markdownCell(registry.version, MAX_TEXT)}`;
    const run =
        lastRun === undefined
            ? "its history has no run"
            : `last run: ${markdownCell(lastRun.kind, MAX_TEXT)} ${markdownCell(lastRun.result, MAX_TEXT)}, ${time(lastRun.endedAt)}`;
    return (
        `${counted(images.length, "image")} at ${markdownCode(mirrorBase, MAX_TEXT)} (${markdownCell(registry.type, MAX_TEXT)}${version}), each under its ` +
        `upstream name below that. By the state of ${time(recordedAt)}; ${run}. Neither the registry nor a cluster was asked for this report.`
    );
}

function line(subject: string, text: string, fix?: string): string {
    const then = fix === undefined ? "" : `; ${fix}`;
    return `- **${markdownCell(subject, MAX_TEXT)}**: ${markdownCell(`${text}${then}`, MAX_TEXT)}`;
}

function list(title: string, lines: readonly string[]): string[] {
    return lines.length === 0 ? [] : [`**${title}**`, "", ...lines, ""];
}

function table(head: readonly string[], rows: readonly string[]): string[] {
    if (rows.length === 0) return [];
    return [`| ${head.join(" | ")} |`, `|${" --- |".repeat(head.length)}`, ...rows, ""];
}

function row(...cells: readonly string[]): string {
    return `| ${cells.join(" | ")} |`;
}

function text(value: string | undefined): string {
    return value === undefined ? "–" : markdownCell(value, MAX_TEXT);
}

function setRow({ name, images, content, importedAt, lock }: ReportSet): string {
    const bytes = content === undefined ? "–" : formatBytes(content.bytes);
    return row(markdownCode(name, 100), String(images), bytes, time(importedAt), markdownCode(lock, MAX_TEXT));
}

function clusterRow({ name, version, validation, rollout, nodes, coverage, isApplied }: ReportCluster): string {
    const proven = validation === undefined ? "never" : `${validation.status}, ${time(validation.provenAt)}`;
    const behind = rollout?.behind.length ?? 0;
    const pools = rollout?.pools.map(({ pool }) => pool).join(", ") ?? "";
    const rolledOut = !isApplied
        ? "not written"
        : rollout === undefined
          ? "unknown"
          : `${behind > 0 ? "not all; " : ""}${text(pools)}, ${time(rollout.rolledOutAt)}`;
    const pulled =
        nodes === undefined ? "–" : `${text(nodes.pools.map(({ pool }) => pool).join(", "))}, ${time(nodes.provenAt)}`;
    const inUse =
        coverage === undefined
            ? "–"
            : `${coverage.images}, ${coverage.missing} missing, ${coverage.unknown} unknown, ${time(coverage.at)}`;
    const cells = [text(version), proven, text(validation?.account), rolledOut, pulled, inUse];
    return row(text(clusterSubject(name)), ...cells);
}

function tables({ clusters, sets, accounts, images }: SiteReport, isFull: boolean): Table[] {
    const leftOut = sets.flatMap(({ name, content }) => [
        ...Object.entries(content?.excluded ?? {}).map(([image, pattern]) =>
            row(markdownCode(image, MAX_TEXT), text(name), `excluded by ${markdownCode(pattern, MAX_TEXT)}`),
        ),
        ...(content?.absent ?? []).map((image) =>
            row(markdownCode(image, MAX_TEXT), text(name), "absent from the archive"),
        ),
    ]);
    const unproven = images.filter(
        ({ proofs }) => proofs.length === 0 || proofs.some(({ problem }) => problem !== undefined),
    );
    const isUnproven = new Set(unproven);
    const rest = images.filter((image) => !isUnproven.has(image));
    const head = ["Image", "Digest", "Mark", "Proven"];
    const rows = (some: readonly ReportImage[]) => some.map((image) => imageRow(image, isFull));
    return [
        { title: `${counted(unproven.length, "image")} not proven`, head, rows: rows(unproven) },
        ...clusters.flatMap(clusterTables),
        {
            title: counted(accounts.length, "account"),
            head: ["Account", "Role", "Age", "Due", "Used by"],
            rows: accounts.map(accountRow),
        },
        { title: `${counted(leftOut.length, "image")} left out`, head: ["Image", "Set", "Why"], rows: leftOut },
        { title: `${counted(rest.length, "image")} proven`, head, rows: rows(rest) },
    ];
}

function clusterTables(cluster: ReportCluster): Table[] {
    const { name, rules, rollout, nodes } = cluster;
    const subject = markdownCell(clusterSubject(name), MAX_TEXT);
    return [
        {
            title: `${subject}: ${counted(rules.length, "source")} of mirror rules`,
            head: ["Source", "Mirrors", "Upstream"],
            rows: rules.map(({ source, mirrors, upstream, wanted }) => {
                const later = wanted === undefined ? "" : ` (${wanted} by a later up)`;
                return row(
                    markdownCode(source, MAX_TEXT),
                    mirrors.map((one) => markdownCode(one, MAX_TEXT)).join(", "),
                    `${upstream}${later}`,
                );
            }),
        },
        {
            title: `${subject}: ${counted(rollout?.pools.length ?? 0, "pool")} with the rules`,
            head: ["Pool", "Nodes", "Configuration"],
            rows: (rollout?.pools ?? []).map(({ pool, nodes: count, configuration }) =>
                row(text(pool), String(count), markdownCode(configuration, MAX_TEXT)),
            ),
        },
        {
            title: `${subject}: pulls by nodes${nodes?.account === undefined ? "" : `, as ${markdownCell(nodes.account, MAX_TEXT)}`}`,
            head: ["Pool", "Pull"],
            rows: (nodes?.pools ?? []).flatMap(({ pool, results }) =>
                results.map((result) => row(text(pool), text(result))),
            ),
        },
        {
            title: `${subject}: policies, pinned images, mirror objects of others`,
            head: ["What", "Result", "When"],
            rows: writtenRows(cluster),
        },
    ];
}

function writtenRows({ signatures, pinned, oldRules }: ReportCluster): string[] {
    const names = (list: readonly string[]) => text(list.length === 0 ? undefined : list.join(", "));
    const rows: string[] = [];
    if (signatures !== undefined) {
        const result = `${names(signatures.policies)}: nodes accept ${counted(signatures.accepted, "image")}`;
        rows.push(row("signature policies", result, time(signatures.acceptedAt)));
    }
    if (pinned !== undefined) {
        const pools = pinned.pools.map(({ pool, nodes }) => `${pool} (${counted(nodes, "node")})`);
        const lacking = pinned.behind.length === 0 ? "" : `; not all: ${names(pinned.behind)}`;
        const result = `${counted(pinned.images, "image")} on ${names(pools)}${lacking}`;
        rows.push(row("pinned images", result, time(pinned.filledAt)));
    }
    if (oldRules !== undefined) {
        const result = `removed: ${names(oldRules.removed)}; kept: ${names(oldRules.kept)}`;
        rows.push(row("mirror objects of others", result, time(oldRules.doneAt)));
    }
    return rows;
}

function accountRow({ role, username, origin, ageDays, due, users }: ReportAccount): string {
    const name = username === undefined ? `the ${role}'s of the configuration` : username;
    const what = origin === "created" ? role : `${role}, ${origin}`;
    const age = ageDays === undefined ? "–" : counted(ageDays, "day");
    const until = due === undefined ? "–" : `${due.at.slice(0, 10)}: ${text(due.reason)}`;
    return row(markdownCell(name, MAX_TEXT), what, age, until, text(users.join(", ")));
}

/** Enough of a digest to tell two apart, as `docker images` does. */
const DIGEST_LENGTH = "sha256:".length + 12;

function imageRow({ source, digest, mark, proofs }: ReportImage, isFull: boolean): string {
    const shown = digest === undefined ? "–" : markdownCode(isFull ? digest : digest.slice(0, DIGEST_LENGTH), MAX_TEXT);
    const verdicts = proofs.map(({ cluster, proven, problem }) => ({ cluster, verdict: problem ?? proven.join(", ") }));
    const isSame = new Set(verdicts.map(({ verdict }) => verdict)).size === 1;
    const all = isSame
        ? (verdicts[0]?.verdict ?? "")
        : verdicts.map(({ cluster, verdict }) => `${clusterSubject(cluster)}: ${verdict}`).join("; ");
    return row(markdownCode(source, MAX_TEXT), shown, mark ?? "–", text(all === "" ? "no validation" : all));
}

/** "2026-11-30 02:15 UTC"; a state may have any text in its place. */
function time(value: string | undefined): string {
    if (value === undefined) return "time not recorded";
    const milliseconds = Date.parse(value);
    return Number.isNaN(milliseconds)
        ? text(value)
        : `${new Date(milliseconds).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
