import { TarHeaderError } from "./header";

/** The records of a PAX header that say where a body is; an empty value takes a global record back. */
export interface PaxRecords {
    readonly path?: string;
    readonly linkpath?: string;
    readonly size?: number;
    /** Any GNU.sparse.* record: the body is then not the file's content. */
    readonly isSparse?: boolean;
    /** GNU tar gives a sparse file a made-up path and keeps its name here. */
    readonly sparseName?: string;
}

/**
 * Reads the records `<length> <key>=<value>\n` of a PAX extended header (POSIX pax, "pax Header Block").
 * @throws TarHeaderError if a record is malformed, or its size or path is no size or path.
 */
export function parsePaxRecords(body: Buffer): PaxRecords {
    let records: PaxRecords = {};
    let at = 0;
    while (at < body.length) {
        const space = body.indexOf(0x20, at);
        const digits = space === -1 ? "" : body.toString("latin1", at, space);
        const end = at + (/^[1-9][0-9]{0,8}$/.test(digits) ? Number(digits) : 0);
        const equals = body.indexOf(0x3d, space);
        if (end <= space || end > body.length || body[end - 1] !== 0x0a || equals === -1 || equals >= end) {
            throw new TarHeaderError("ARCHIVE_ENTRY_INVALID", "its PAX header has a malformed record");
        }
        const key = body.toString("utf8", space + 1, equals);
        records = { ...records, ...readRecord(key, body.toString("utf8", equals + 1, end - 1)) };
        at = end;
    }
    return records;
}

function readRecord(key: string, value: string): PaxRecords {
    if (key === "path" || key === "linkpath") {
        if (value.includes("\0")) throw new TarHeaderError("ARCHIVE_ENTRY_INVALID", `its PAX ${key} has a NUL in it`);
        return { [key]: value };
    }
    if (key === "size") return { size: parseSize(value) };
    if (key === "GNU.sparse.name") return { sparseName: readRecord("path", value).path ?? "", isSparse: true };
    return key.startsWith("GNU.sparse.") ? { isSparse: true } : {};
}

function parseSize(value: string): number {
    const size = /^[0-9]{1,17}$/.test(value) ? Number(value) : NaN;
    if (Number.isSafeInteger(size)) return size;
    const what = `its PAX size ${JSON.stringify(value.slice(0, 40))} is not a number of bytes up to 2^53`;
    throw new TarHeaderError("ARCHIVE_ENTRY_INVALID", what);
}
