import { type OfflinePlan, planHeadline, sharedImagesNote } from "../../lib/import";
import { counted, firstLines, formatBytes, markdownCell, markdownCode } from "../../lib/errors/text";
import { clusterHeadline, unsignedReleaseNotes } from "../../lib/openshift";
import { withClusterName } from "../../lib/site";
import type { ImportedImages } from "../stack/imported-images";
import { type Table, withTables } from "./markdown-tables";
import { type NamedClusterChange, type OfflineReport, namedChangeLines } from "./offline-report";

/** Sets and notes are cut, so that there is room for the names of images. */
const MAX_SETS = 100;
const MAX_TEXT = 1000;

/**
 * The offline plan as a comment on a pull request, always below `MAX_COMMENT_BYTES`. Rows that do not fit are counted;
 * no row is cut.
 */
export function planMarkdown(report: OfflineReport, stack: string, imported: ImportedImages): string {
    const { plan, clusters, refused, notes } = report;
    const opening = [
        `### Images of ${markdownCode(stack, MAX_TEXT)}: ${planHeadline(plan)}`,
        "",
        `**Clusters:** ${clusterText(clusters)}`,
        "",
        `Compared with ${markdownCell(imported.source, MAX_TEXT)}. The registry was not asked: it may already have some of the bytes.`,
        ...(imported.note === undefined ? [] : ["", `**Note:** ${markdownCell(imported.note, MAX_TEXT)}`]),
        "",
        ...noteLines("❌ Nodes will refuse a release", unsignedReleaseNotes(refused)),
        ...overview(plan),
        ...noteLines("Warnings", notes),
    ].join("\n");
    return withTables(opening, [...(clusters ?? []).flatMap(clusterTables), ...listTables(plan)]);
}

function clusterText(clusters: readonly NamedClusterChange[] | undefined): string {
    if (clusters === undefined) return "not compared, since it is not known what they have";
    const headlines = clusters.map((cluster) => withClusterName(cluster, clusterHeadline(cluster)));
    return markdownCell(headlines.join("; "), MAX_TEXT);
}

function clusterTables(cluster: NamedClusterChange): Table[] {
    return namedChangeLines(cluster)
        .filter(({ lines }) => lines.length > 0)
        .map(({ title, lines }) => ({
            title: markdownCell(title, MAX_TEXT),
            head: ["Change"],
            rows: lines.map((line) => `| ${markdownCode(line, MAX_TEXT)} |`),
        }));
}

/** Most notes of a site; more than that nobody reads. */
const MAX_NOTES = 10;

function noteLines(title: string, notes: readonly string[]): string[] {
    if (notes.length === 0) return [];
    const shown = firstLines(
        notes.map((note) => markdownCell(note, MAX_TEXT)),
        MAX_NOTES,
    );
    return [`**${title}**`, "", ...shown.map((line) => `- ${line}`), ""];
}

function overview(plan: OfflinePlan): string[] {
    const { sets } = plan;
    const shared = sharedImagesNote(plan);
    const rows = sets.slice(0, MAX_SETS).map(({ name, coming, changing, unchanged, bytes }) => {
        const most = bytes === undefined ? "unknown" : formatBytes(bytes);
        return `| ${markdownCode(name, 100)} | ${coming.length} | ${changing.length} | ${unchanged} | ${most} |`;
    });
    const more = sets.length - rows.length;
    return [
        "| Set | to add | to change | unchanged | bytes at most |",
        "| --- | ---: | ---: | ---: | ---: |",
        ...rows,
        ...(more > 0 ? ["", `… and ${more} more sets`] : []),
        ...(shared === undefined ? [] : ["", shared]),
        "",
    ];
}

/** Images whose digest changes are first: a reviewer must look at them. */
function listTables({ sets, going, onRemove, totals }: OfflinePlan): Table[] {
    const removal =
        onRemove === "keep"
            ? "kept in the registry"
            : "deleted from the registry, unless something there still needs them";
    const changing = sets.flatMap((set) => set.changing);
    const coming = sets.flatMap((set) => set.coming);
    return [
        {
            title: `${counted(totals.changing, "image")} to change`,
            head: ["Image", "from", "to"],
            rows: eachOnce(changing.map(({ image, before, after }) => row(image, before, after))),
        },
        {
            title: `${counted(totals.coming, "image")} to add`,
            head: ["Image", "Digest"],
            rows: eachOnce(coming.map(({ image, digest }) => row(image, digest))),
        },
        {
            title: `${counted(going.length, "image")} to remove from the sets, ${removal}`,
            head: ["Image", "Digest"],
            rows: going.map(({ image, digest }) => row(image, digest)),
        },
    ];
}

/** An image of several sets is one row. */
function eachOnce(rows: readonly string[]): string[] {
    return [...new Set(rows)];
}

/** Enough of a digest to tell two apart, as `docker images` does. */
const DIGEST_LENGTH = "sha256:".length + 12;

function row(image: string, ...digests: readonly string[]): string {
    const cells = [image, ...digests.map((digest) => digest.slice(0, DIGEST_LENGTH))];
    return `| ${cells.map((cell) => markdownCode(cell, MAX_TEXT)).join(" | ")} |`;
}
