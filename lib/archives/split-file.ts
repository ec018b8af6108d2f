import { readFile, readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { ArchiveError } from "../oci/errors";
import { COPY_AGAIN, unreadable } from "./archive-file";

/** `<name>.001 …` of Hauler (pkg/archives), `<name>.part000 …` of Zarf (src/internal/split). */
const PIECE = /^(.+)\.(part)?(\d{3})$/;

/** The pieces of a file that was split to fit on media. */
export interface SplitFile {
    /** Without the number. */
    readonly path: string;
    /** In their order, without Zarf's head. */
    readonly pieces: readonly string[];
    /** Of the joined file, if Zarf's head tells it. */
    readonly sha256?: string;
    readonly bytes?: number;
}

const zarfHead = z.looseObject({ sha256Sum: z.string(), bytes: z.number(), count: z.number().int() });

/** True for the name of a piece. */
export function isPiece(path: string): boolean {
    return PIECE.test(basename(path));
}

/** The path of the whole that a piece is of. */
export function wholeOf(path: string): string {
    return join(dirname(path), PIECE.exec(basename(path))?.[1] ?? basename(path));
}

/**
 * All pieces of the file that one is of, from its folder.
 * @throws ArchiveError `ARCHIVE_INCOMPLETE` if a piece is missing, `ARCHIVE_METADATA_INVALID` for a head that is none
 */
export async function findPieces(path: string): Promise<SplitFile> {
    const folder = dirname(path);
    const [, whole = "", part = ""] = PIECE.exec(basename(path)) ?? [];
    const names = await readdir(folder).catch((cause: unknown) => {
        throw unreadable(folder, cause);
    });
    const numbers = names
        .map((name) => PIECE.exec(name))
        .filter((match) => match?.[1] === whole && (match[2] ?? "") === part)
        .map((match) => match?.[3] ?? "")
        .sort();
    const nameOf = (number: string) => join(folder, `${whole}.${part}${number}`);
    const head = part === "part" && numbers[0] === "000" ? nameOf("000") : undefined;
    const rest = head === undefined ? numbers : numbers.slice(1);
    const first = Number(rest[0] ?? "1") === 0 ? 0 : 1;
    rest.forEach((number, at) => {
        if (Number(number) !== at + first) throw missing(join(folder, whole), nameOf(padded(at + first)));
    });
    const split = { path: join(folder, whole), pieces: rest.map(nameOf) };
    if (part === "part" && head === undefined) throw missing(split.path, nameOf("000"));
    return head === undefined ? split : { ...split, ...(await readHead(head, rest.length, nameOf)) };
}

async function readHead(
    path: string,
    found: number,
    nameOf: (number: string) => string,
): Promise<{ sha256: string; bytes: number }> {
    const text = await readFile(path, "utf8").catch((cause: unknown) => {
        throw unreadable(path, cause);
    });
    const parsed = zarfHead.safeParse(jsonOf(text));
    if (!parsed.success) {
        const facts = { archive: path, code: "ARCHIVE_METADATA_INVALID", cure: COPY_AGAIN };
        throw new ArchiveError("it does not tell sha256Sum, bytes and count of the pieces", facts);
    }
    const { sha256Sum, bytes, count } = parsed.data;
    if (found < count) throw missing(path, nameOf(padded(found + 1)));
    return { sha256: sha256Sum, bytes };
}

function jsonOf(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        return undefined;
    }
}

function padded(number: number): string {
    return String(number).padStart(3, "0");
}

function missing(archive: string, piece: string): ArchiveError {
    return new ArchiveError(`the piece ${basename(piece)} is missing`, {
        archive,
        code: "ARCHIVE_INCOMPLETE",
        cure: "copy all pieces of the file into one folder",
    });
}
