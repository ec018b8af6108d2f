import { toProblem } from "../errors/errors";
import type { NamedProblem } from "../errors/problem";
import type { Digest } from "../oci/digest";
import type { Archive } from "./archive";
import type { ArchivePart } from "../lock";
import { type Lock, isSameFormat } from "../lock";

/**
 * Whether an archive is the one that a lock describes: format, parts, presence and size of every blob and manifest, and
 * the bytes of every manifest. Bytes of blobs are not read (they are checked as they are sent), names are not resolved.
 * @returns all that differs; empty if it matches
 */
export async function verifyStructure(archive: Archive, lock: Lock): Promise<NamedProblem[]> {
    const problems = [...formatProblems(archive, lock), ...partProblems(archive.parts, lock.parts)];
    for (const [digest, size] of Object.entries(lock.blobs)) {
        problems.push(...sizeProblems(archive, digest, size, "blob"));
    }
    for (const [digest, { size }] of Object.entries(lock.manifests)) {
        const found = sizeProblems(archive, digest, size, "manifest");
        problems.push(...(found.length > 0 ? found : await contentProblems(archive, digest)));
    }
    return problems;
}

function formatProblems(archive: Archive, lock: Lock): NamedProblem[] {
    if (isSameFormat(lock.format, archive.format)) return [];
    return [difference("the archive", `it is ${archive.format}, the lock is of ${lock.format}`)];
}

function difference(name: string, problem: string): NamedProblem {
    return { name, problem: { code: "ARCHIVE_LOCK_MISMATCH", problem } };
}

function partProblems(found: readonly ArchivePart[], locked: readonly ArchivePart[]): NamedProblem[] {
    // Archives of a set may lie in several folders, and so have one name.
    const rest = found.map(({ name, size }) => ({ name, size }));
    const take = (fits: (part: ArchivePart) => boolean): ArchivePart | undefined => {
        const at = rest.findIndex(fits);
        return at === -1 ? undefined : rest.splice(at, 1)[0];
    };
    const unmatched = locked.filter(
        (part) => take(({ name, size }) => name === part.name && size === part.size) === undefined,
    );
    const problems = unmatched.map(({ name, size }) => {
        const actual = take((part) => part.name === name);
        const what = actual === undefined ? "it is missing" : `it has ${actual.size} bytes, the lock says ${size}`;
        return difference(`part ${name}`, what);
    });
    return [...problems, ...rest.map(({ name }) => difference(`part ${name}`, "it is not in the lock"))];
}

function sizeProblems({ source }: Archive, digest: Digest, size: number, kind: string): NamedProblem[] {
    const actual = source.size(digest);
    if (actual === undefined) return [difference(`${kind} ${digest}`, "it is missing")];
    if (actual === size) return [];
    return [difference(`${kind} ${digest}`, `it has ${actual} bytes, the lock says ${size}`)];
}

async function contentProblems({ source }: Archive, digest: Digest): Promise<NamedProblem[]> {
    try {
        await source.read(digest);
        return [];
    } catch (error) {
        return [{ name: `manifest ${digest}`, problem: toProblem(error) }];
    }
}
