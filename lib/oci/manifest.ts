import { z } from "zod";
import { schemaIssues } from "../errors/schema-issues";
import { NestingError } from "../errors/nesting";
import { parseBoundedJson } from "./bounded-json";
import { type Digest, computeDigest } from "./digest";
import { PassthroughError } from "../errors/errors";
import type { Problem } from "../errors/problem";
import {
    MEDIA_TYPE_OCI_INDEX,
    MEDIA_TYPE_OCI_MANIFEST,
    isDescribedType,
    isIndexMediaType,
    isMediaType,
} from "./media-types";

/** image-spec, descriptor.md: the fields we act on. */
export interface Descriptor {
    readonly mediaType: string;
    readonly digest: Digest;
    /** Bytes. */
    readonly size: number;
    readonly platform?: { readonly os: string; readonly architecture: string; readonly variant?: string };
    readonly annotations?: Readonly<Record<string, string>>;
}

/** A manifest or index: its exact bytes and what it refers to. The bytes are what is pushed, never a re-serialisation. */
export interface Manifest {
    readonly mediaType: string;
    readonly digest: Digest;
    readonly bytes: Buffer;
    /** Child manifests of an index, in order; empty for an image manifest. */
    readonly manifests: readonly Descriptor[];
    /** Config and layers of an image manifest, in order; empty for an index. */
    readonly blobs: readonly Descriptor[];
    /** The manifest this one is about (image-spec, "Associating"). */
    readonly subject?: Descriptor;
}

/** Where the bytes of a manifest are from, for errors. */
export type ManifestOrigin = Pick<Problem, "operation" | "place" | "thing">;

/** Registries refuse more (distribution: 400 MANIFEST_INVALID); distribution-spec asks for at least this much. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

const NO_MEDIA_TYPE = "not a media type (RFC 6838)";

const descriptor = z.object({
    mediaType: z.string().refine(isDescribedType, NO_MEDIA_TYPE).default("application/octet-stream"),
    digest: z.string().regex(/^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/),
    size: z.number().int().nonnegative(),
    platform: z.object({ os: z.string(), architecture: z.string(), variant: z.string().optional() }).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
});

const document = z.object({
    schemaVersion: z.number(),
    mediaType: z.string().refine(isMediaType, NO_MEDIA_TYPE).optional(),
    fsLayers: z.unknown().optional(),
    manifests: z.array(descriptor).optional(),
    config: descriptor.optional(),
    layers: z.array(descriptor).optional(),
    subject: descriptor.optional(),
});

/**
 * Reads the bytes of a manifest or index.
 * The media type is the document's own `mediaType`; without one it is guessed as the container runtimes do (an index
 * if it has `manifests` and no config, an OCI manifest otherwise; Docker documents always carry the field).
 * @param where the bytes are from, for errors
 * @param maxBytes what may be longer is the `index.json` of an archive, which no registry has to store
 * @throws PassthroughError `MANIFEST_INVALID` or `MANIFEST_SCHEMA1`
 */
export function parseManifest(
    bytes: Buffer,
    where: ManifestOrigin = {},
    maxBytes: number = MAX_MANIFEST_BYTES,
): Manifest {
    const parsed = document.safeParse(parseDocument(bytes, where, maxBytes));
    if (!parsed.success) {
        throw invalidManifest(where, `not a manifest: ${schemaIssues(parsed.error)}`);
    }
    const found = parsed.data;
    if (found.schemaVersion === 1 || found.fsLayers !== undefined) {
        throw new PassthroughError("this is a Docker schema 1 manifest, which current registries do not store", {
            ...where,
            code: "MANIFEST_SCHEMA1",
            fix: "convert the image upstream (pull and push it with a current tool) and mirror it again",
        });
    }
    const guessed =
        found.manifests !== undefined && found.config === undefined ? MEDIA_TYPE_OCI_INDEX : MEDIA_TYPE_OCI_MANIFEST;
    const mediaType = found.mediaType ?? guessed;
    const isIndex = isIndexMediaType(mediaType);
    return {
        mediaType,
        digest: computeDigest(bytes),
        bytes,
        manifests: isIndex ? ((found.manifests ?? []) as Descriptor[]) : [],
        blobs: isIndex ? [] : ([...(found.config ? [found.config] : []), ...(found.layers ?? [])] as Descriptor[]),
        ...(found.subject ? { subject: found.subject as Descriptor } : {}),
    };
}

function parseDocument(bytes: Buffer, where: ManifestOrigin, maxBytes: number): unknown {
    if (bytes.length > maxBytes) {
        throw invalidManifest(where, `${bytes.length} bytes are more than a manifest may have (${maxBytes})`);
    }
    try {
        return parseBoundedJson(bytes);
    } catch (cause) {
        throw invalidManifest(where, cause instanceof NestingError ? cause.message : "not JSON", cause);
    }
}

function invalidManifest(where: ManifestOrigin, problem: string, cause?: unknown): PassthroughError {
    return new PassthroughError(problem, { ...where, code: "MANIFEST_INVALID", cause });
}
