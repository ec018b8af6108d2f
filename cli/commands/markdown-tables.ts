/** A comment on GitHub holds 65,536 characters, one on GitLab a million. */
export const MAX_COMMENT_BYTES = 60_000;

/** A heading with the rows below it. */
export interface Table {
    readonly title: string;
    readonly head: readonly string[];
    readonly rows: readonly string[];
}

/**
 * A text with tables below it that unfold, in so many bytes. Rows that do not fit are counted; no row is cut. Tables
 * without rows are left out.
 */
export function withTables(opening: string, all: readonly Table[], mostBytes = MAX_COMMENT_BYTES): string {
    const tables = all.filter(({ rows }) => rows.length > 0);
    let room = mostBytes - Buffer.byteLength(opening) - 1;
    const shown = tables.map((table, i) => {
        const text = fitTable(table, Math.floor(room / (tables.length - i)));
        room -= Buffer.byteLength(text);
        return text;
    });
    return `${opening}\n${shown.join("")}`;
}

/** The table in so many bytes; rows that do not fit are counted. */
function fitTable({ title, head, rows }: Table, room: number): string {
    const start = `\n<details><summary>${title}</summary>\n\n| ${head.join(" | ")} |\n|${" --- |".repeat(head.length)}\n`;
    const end = "\n</details>\n";
    const more = (count: number) => `\n… and ${count} more\n`;
    let bytesLeft = room - Buffer.byteLength(start) - Buffer.byteLength(end) - Buffer.byteLength(more(rows.length));
    const shown: string[] = [];
    for (const text of rows) {
        bytesLeft -= Buffer.byteLength(text) + 1;
        if (bytesLeft < 0) break;
        shown.push(text);
    }
    const hidden = rows.length - shown.length;
    return `${start}${shown.map((text) => `${text}\n`).join("")}${hidden > 0 ? more(hidden) : ""}${end}`;
}
