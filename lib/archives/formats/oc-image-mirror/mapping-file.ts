import type { Digest } from "../../../oci/digest";
import { type Reference, tryParseReference } from "../../../oci/reference";
import { type FileTree, readTreeFile } from "../../files/file-tree";
import type { NamedCandidate } from "./candidate";

const MAPPING = /(?:^|\/)mapping\.txt$/;
/** A catalog of thousands of images has a few MB. */
const MAX_MAPPING_BYTES = 64 * 1024 * 1024;

/** A line of `mapping.txt`: an image and where `oc adm catalog mirror file://` wrote it. */
interface MappingLine {
    readonly source: Reference;
    readonly repository: string;
    readonly tag: string | undefined;
    readonly file: string;
}

/** What the `mapping.txt` files beside `v2/` say. */
export class Mappings {
    readonly #byRepository = new Map<string, MappingLine[]>();
    readonly #files = new Map<string, MappingLine[]>();

    constructor(lines: readonly MappingLine[]) {
        for (const line of lines) {
            append(this.#byRepository, line.repository, line);
            append(this.#files, line.file, line);
        }
    }

    /** The upstream names of an image; without a tag, those of just its digest. */
    candidates(repository: string, tag: string | undefined, digest: Digest): NamedCandidate[] {
        const lines = this.#byRepository.get(repository) ?? [];
        return lines
            .filter((line) => (tag === undefined ? line.source.digest === digest : line.tag === tag))
            .map(({ source, file }) => ({ reference: source, origin: { from: "mapping", where: file } }));
    }

    /** The repositories of the catalogs themselves: each is the folder that its images were written below. */
    catalogRepositories(): ReadonlySet<string> {
        const catalogs = [...this.#files.values()].flatMap((lines) => {
            const repositories = [...new Set(lines.map(({ repository }) => repository))];
            return repositories.filter((one) => repositories.every((other) => `${other}/`.startsWith(`${one}/`)));
        });
        return new Set(catalogs);
    }
}

/** Reads every `mapping.txt` beside the images. @throws ArchiveError `ARCHIVE_TOO_LARGE` */
export async function readMappings(tree: FileTree): Promise<Mappings> {
    const lines: MappingLine[] = [];
    for (const name of tree.names()) {
        if (!MAPPING.test(name) || name.startsWith("v2/")) continue;
        const text = (await readTreeFile(tree, name, MAX_MAPPING_BYTES))?.bytes.toString("utf8") ?? "";
        for (const line of text.split("\n")) lines.push(...parseLine(line.trim(), name));
    }
    return new Mappings(lines);
}

function parseLine(line: string, file: string): MappingLine[] {
    const [, source = "", path = ""] = /^(\S+?)=file:\/\/\/?(\S+)$/.exec(line) ?? [];
    const [, repository = "", tag] = /^([^:@]+)(?::([^:@/]+))?$/.exec(path) ?? [];
    if (source === "" || repository === "") return [];
    const reference = tryParseReference(source);
    // A line without a name upstream is skipped: its image is asked for.
    return reference === undefined ? [] : [{ source: reference, repository, tag, file }];
}

function append<T>(map: Map<string, T[]>, key: string, value: T): void {
    const known = map.get(key);
    if (known === undefined) map.set(key, [value]);
    else known.push(value);
}
