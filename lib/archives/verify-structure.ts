import { errorMessage } from "../errors/errors";
import type { Digest } from "../oci/digest";
import type { Archive } from "./archive";
import type { ArchivePart } from "../lock";
import { type Lock, isSameFormat } from "../lock";

/**
 * Whether an archive is the one that a lock describes: format, parts, presence and size of every blob and manifest, and
 * the bytes of every manifest. Bytes of blobs are not read (they are checked as they are sent), names are not resolved.
 * @returns all that differs, as sentences; empty if it matches.
 */
export async function verifyStructure(archive: Archive, lock: Lock): Promise<string[]> {
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

function formatProblems(archive: Archive, lock: Lock): string[] {
    return isSameFormat(lock.format, archive.format)
        ? []
        : [`The archive is ${archive.format}, the lock is of ${lock.format}.`];
}

function partProblems(found: readonly ArchivePart[], locked: readonly ArchivePart[]): string[] {
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
        if (actual === undefined) return `The part ${name} is missing.`;
        return `The part ${name} has ${actual.size} bytes, the lock says ${size}.`;
    });
    return [...problems, ...rest.map(({ name }) => `The part ${name} is not in the lock.`)];
}

function sizeProblems({ source }: Archive, digest: Digest, size: number, what: string): string[] {
    const actual = source.size(digest);
    if (actual === undefined) return [`The ${what} ${digest} is missing.`];
    return actual === size ? [] : [`The ${what} ${digest} has ${actual} bytes, the lock says ${size}.`];
}

async function contentProblems({ source }: Archive, digest: Digest): Promise<string[]> {
    try {
        await source.read(digest);
        return [];
    } catch (error) {
        return [`The manifest ${digest} cannot be used: ${errorMessage(error)}.`];
    }
}
