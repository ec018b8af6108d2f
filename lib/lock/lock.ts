import { z } from "zod";
import { schemaIssues } from "../errors/schema-issues";
import type { ClusterFacts } from "../mirror/cluster-facts";
import { NAME_ORIGINS, type NameSource } from "../mirror/name-source";
import type { ImageSet } from "../mirror/image-set";
import { type Digest, computeDigest, isDigest } from "../oci/digest";
import { PassthroughError, errorMessage, toProblem } from "../errors/errors";
import { formatReason } from "../errors/format";
import { bounded, quoted } from "../errors/text";
import { parseBoundedJson } from "../oci/bounded-json";
import { isMediaType } from "../oci/media-types";
import { parseSourceKey } from "../oci/reference";
import { ARCHIVE_FORMATS, type ArchiveFormat, type ArchivePart } from "./archive-parts";
import { findDuplicateKey } from "../oci/duplicate-keys";
import { nestingProblems } from "./nesting";
import { hasSoundParts } from "./lock-parts";
import { clusterFactsSchema, someFacts, strayFacts } from "./lock-cluster";

/**
 * What an archive set holds, written once and committed: the content that a stack works from. Version 1 is read by
 * every later release.
 */
export interface Lock extends ImageSet {
    readonly lockVersion: 1;
    readonly format: ArchiveFormat;
    readonly parts: readonly ArchivePart[];
    /** Source references that were requested and that the archive lacks, sorted. */
    readonly absent: readonly string[];
    /**
     * Source reference -> pattern: images that the configuration leaves out. They are in no other part of the lock. For
     * reviewers and `lock --check`; it is no content, so `lockDigest` does not include it.
     */
    readonly excluded?: Readonly<Record<string, string>>;
    /** What clusters need to know besides. Absent: there is nothing. */
    readonly cluster?: ClusterFacts;
    /**
     * By source reference, of `images` and `earlier.images`: where the name was found, for reviewers. It is no content, so
     * `lockDigest` leaves it out. Absent in locks of earlier releases.
     */
    readonly nameSources?: Readonly<Record<string, NameSource>>;
}

const REMAKE = "make the lock again from its archive: npm run -s passthrough -- lock --stack <stack>";

/** A base name, or a path below the folder that was given. */
const PART_NAME = /^(?!\/)(?!(?:.*\/)?\.\.?(?:\/|$))[^\\]+$/;

const bytes = z.number().int().nonnegative();
const digest = z.string().refine(isDigest, "not sha256: and 64 lower-case hex digits");
const manifest = z.strictObject({
    mediaType: z.string().refine(isMediaType, "not a media type (RFC 6838)"),
    size: bytes,
    manifests: z.array(digest).exactOptional(),
    blobs: z.array(digest).exactOptional(),
    absent: z.array(digest).exactOptional(),
});
const earlierObject = z.strictObject({ size: bytes, from: z.array(z.string()) });

const nameSource = z.strictObject({
    from: z.enum(NAME_ORIGINS),
    where: z.string().exactOptional(),
    name: z.string(),
});

const shape = z.strictObject({
    lockVersion: z.literal(1),
    format: z.enum(ARCHIVE_FORMATS),
    parts: z.array(z.strictObject({ name: z.string().regex(PART_NAME, "not a base name"), size: bytes })).min(1),
    images: z.record(z.string(), digest),
    marks: z.record(z.string(), z.enum(["tag-only", "rebuilt"])).exactOptional(),
    manifests: z.record(digest, manifest),
    blobs: z.record(digest, bytes),
    earlier: z.strictObject({
        images: z.record(z.string(), digest),
        manifests: z.record(digest, earlierObject),
        blobs: z.record(digest, earlierObject),
    }),
    absent: z.array(z.string()),
    excluded: z.record(z.string(), z.string().min(1)).exactOptional(),
    cluster: clusterFactsSchema.exactOptional(),
    nameSources: z.record(z.string(), nameSource).exactOptional(),
});

const schema: z.ZodType<Lock> = shape.superRefine((lock, context) => {
    for (const message of contradictions(lock)) context.addIssue({ code: "custom", message });
});

const smallParts = shape.omit({ images: true, manifests: true, blobs: true, earlier: true, nameSources: true });

/**
 * Reads the text of a lock.
 * @param place the file, for errors
 * @throws PassthroughError `LOCK_INVALID` with everything that is wrong, `LOCK_VERSION_UNKNOWN`
 */
export function parseLock(text: string, place: string): Lock {
    const document = parseDocument(text, place);
    const version = z.looseObject({ lockVersion: z.unknown() }).safeParse(document).data?.lockVersion;
    if (version !== undefined && version !== 1) {
        throw new PassthroughError(`lock version ${JSON.stringify(version)} is not known here (1 is)`, {
            code: "LOCK_VERSION_UNKNOWN",
            place: { file: place },
            fix: `update this program to the release that wrote it, or ${REMAKE}`,
        });
    }
    const known = knownLock(document);
    if (known !== undefined) return known;
    const result = schema.safeParse(document);
    if (result.success) return result.data;
    throw invalid(place, schemaIssues(result.error), result.error);
}

/** The lock, if nothing at all is wrong with it: sooner than the schema, which alone says what is. */
function knownLock(document: unknown): Lock | undefined {
    if (!hasSoundParts(document)) return undefined;
    const { images, manifests, blobs, earlier, nameSources, ...rest } = document;
    const small = smallParts.safeParse(rest);
    if (!small.success) return undefined;
    const sources = nameSources === undefined ? {} : { nameSources };
    const lock: Lock = { ...small.data, images, manifests, blobs, earlier, ...sources };
    return contradictions(lock).length === 0 ? lock : undefined;
}

function contradictions(lock: Lock): string[] {
    return [
        ...badNames(lock),
        ...badMarks(lock),
        ...danglingDigests(lock),
        ...nestingProblems(lock),
        ...badFacts(lock),
        ...straySources(lock),
        ...includedExclusions(lock),
    ];
}

/**
 * The text of a lock: keys sorted, one line per image, manifest and blob, so that a change of content reads as a diff.
 * The same content is the same text.
 */
export function serialiseLock(lock: Lock): string {
    const { earlier, marks = {}, excluded = {}, nameSources = {} } = lock;
    const fields = [
        `"lockVersion": 1`,
        `"format": ${JSON.stringify(lock.format)}`,
        `"parts": ${list(
            lock.parts.map(({ name, size }) => JSON.stringify({ name, size })),
            1,
        )}`,
        `"images": ${record(lock.images, 1)}`,
        // Locks of before there were marks keep their text, and so their digest.
        ...(Object.keys(marks).length === 0 ? [] : [`"marks": ${record(marks, 1)}`]),
        `"manifests": ${record(lock.manifests, 1, ["mediaType", "size", "manifests", "blobs", "absent"])}`,
        `"blobs": ${record(lock.blobs, 1)}`,
        `"earlier": ${block(
            "{",
            [
                `"images": ${record(earlier.images, 2)}`,
                `"manifests": ${record(earlier.manifests, 2, ["size", "from"])}`,
                `"blobs": ${record(earlier.blobs, 2, ["size", "from"])}`,
            ],
            "}",
            1,
        )}`,
        `"absent": ${list(
            [...lock.absent].sort().map((name) => JSON.stringify(name)),
            1,
        )}`,
        ...(Object.keys(excluded).length === 0 ? [] : [`"excluded": ${record(excluded, 1)}`]),
        ...factFields(someFacts(lock.cluster).cluster),
        ...(Object.keys(nameSources).length === 0
            ? []
            : [`"nameSources": ${record(nameSources, 1, ["from", "where", "name"])}`]),
    ];
    return `${block("{", fields, "}", 0)}\n`;
}

/**
 * The digest of a lock's text without `nameSources` and `excluded`: two locks with the same one have the same content, and
 * one that gets its `nameSources` from a later release is the same lock to a stack.
 */
export function lockDigest({ nameSources: _, excluded: __, ...lock }: Lock): Digest {
    return computeDigest(serialiseLock(lock));
}

function factFields(facts: ClusterFacts | undefined): string[] {
    if (facts === undefined) return [];
    const { catalogs, releases, signatures, graphImage } = facts;
    const fields = [
        `"catalogs": ${list(
            [...catalogs].sort().map((source) => JSON.stringify(source)),
            2,
        )}`,
        `"releases": ${record(releases, 2)}`,
        `"signatures": ${record(signatures, 2)}`,
        ...(graphImage === undefined ? [] : [`"graphImage": ${JSON.stringify(graphImage)}`]),
    ];
    return [`"cluster": ${block("{", fields, "}", 1)}`];
}

function record(entries: Readonly<Record<string, unknown>>, depth: number, fields?: string[]): string {
    const lines = Object.keys(entries)
        .sort()
        .map((key) => `${JSON.stringify(key)}: ${JSON.stringify(entries[key], fields)}`);
    return block("{", lines, "}", depth);
}

function list(lines: readonly string[], depth: number): string {
    return block("[", lines, "]", depth);
}

function block(open: string, lines: readonly string[], close: string, depth: number): string {
    if (lines.length === 0) return `${open}${close}`;
    const indent = "  ".repeat(depth);
    return `${open}\n${indent}  ${lines.join(`,\n${indent}  `)}\n${indent}${close}`;
}

function badNames({ images, earlier, absent, excluded = {} }: Omit<Lock, "lockVersion">): string[] {
    const names = [...Object.keys(images), ...Object.keys(earlier.images), ...absent, ...Object.keys(excluded)];
    return names.flatMap((name) => {
        try {
            parseSourceKey(name);
            return [];
        } catch (error) {
            const problem = toProblem(error);
            return [`${formatReason(problem)}; ${problem.fix ?? ""}`];
        }
    });
}

function badMarks({ images, earlier, marks = {} }: Omit<Lock, "lockVersion">): string[] {
    return Object.keys(marks).flatMap((name) => {
        if (name.includes("@")) return [`image ${name} is marked, but has no tag`];
        const isKnown = images[name] !== undefined || earlier.images[name] !== undefined;
        return isKnown ? [] : [`image ${name} is marked, but the lock has no such image`];
    });
}

function badFacts({ images, earlier, cluster }: Omit<Lock, "lockVersion">): string[] {
    if (cluster === undefined) return [];
    return strayFacts(cluster, (source) => images[source] !== undefined || earlier.images[source] !== undefined);
}

function straySources({ images, earlier, nameSources = {} }: Omit<Lock, "lockVersion">): string[] {
    return Object.keys(nameSources)
        .filter((name) => images[name] === undefined && earlier.images[name] === undefined)
        .map((name) => `nameSources names ${name}, which the lock lacks`);
}

function includedExclusions({ images, earlier, excluded = {} }: Omit<Lock, "lockVersion">): string[] {
    return Object.keys(excluded)
        .filter((name) => images[name] !== undefined || earlier.images[name] !== undefined)
        .map((name) => `image ${name} is listed as excluded, but the lock has it`);
}

/** A lock that was merged by hand may name what it does not describe. */
function danglingDigests(lock: Omit<Lock, "lockVersion">): string[] {
    const { images, manifests, blobs, earlier } = lock;
    const missing = Object.entries(images).filter(([, image]) => manifests[image] === undefined);
    const broken = Object.entries(manifests).flatMap(([parent, facts]) => {
        const children = (facts.manifests ?? []).filter((child) => !manifests[child] && !earlier.manifests[child]);
        const content = (facts.blobs ?? []).filter((blob) => blobs[blob] === undefined && !earlier.blobs[blob]);
        return [...children, ...content].map((named) => `manifest ${parent} names ${named}, which the lock lacks`);
    });
    return [...missing.map(([name, image]) => `image ${name} is ${image}, which the lock lacks`), ...broken];
}

function parseDocument(text: string, place: string): unknown {
    const document = parseJsonText(text, place);
    const duplicate = findDuplicateKey(text);
    if (duplicate === undefined) return document;
    const what = `line ${duplicate.line} has the key ${quoted(bounded(duplicate.key))} once more in the same object`;
    throw invalid(place, what, undefined);
}

function parseJsonText(text: string, place: string): unknown {
    try {
        return parseBoundedJson(text);
    } catch (cause) {
        throw invalid(place, `not JSON: ${errorMessage(cause)}`, cause);
    }
}

function invalid(place: string, what: string, cause: unknown): PassthroughError {
    return new PassthroughError(`not a lock: ${what}`, {
        code: "LOCK_INVALID",
        place: { file: place },
        fix: REMAKE,
        cause,
    });
}
