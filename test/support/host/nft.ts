import { readFileSync } from "node:fs";
import { type HostState, fail, without } from "./host-state";

/** nft(8), with files that replace one table. @returns what it prints */
export function nft(state: HostState, args: readonly string[]): string {
    const line = args.join(" ");
    const [, check, file] = /^(-c )?-f (\S+)$/.exec(line) ?? [];
    if (file !== undefined) {
        const text = readFileSync(file, "utf8");
        const [, table] = /^delete table (inet \w+)$/m.exec(text) ?? [];
        if (table === undefined || !text.includes(`\ntable ${table} {\n`)) return fail(`${file}:1:1: syntax error`, 1);
        if (check === undefined) state.tables = { ...state.tables, [table]: text };
        return "";
    }
    const [, verb, table = ""] = /^(-s list|list|delete) table (inet \w+)$/.exec(line) ?? [];
    if (verb === undefined) return fail(`nft stand-in: unknown: ${line}`);
    const rules = state.tables[table] ?? fail("Error: No such file or directory", 1);
    if (verb !== "delete") return `${rules}\n`;
    state.tables = without(state.tables, table);
    return "";
}
