import { printable } from "../errors/text";
import type { Digest } from "../oci/digest";
import { nameSourceText } from "../mirror/name-source";
import { isSameFormat } from "./archive-parts";
import { type Lock, lockDigest } from "./lock";

/** What changes for a registry when one lock takes the place of another. Names are source references, sorted. */
export interface LockDifference {
    readonly added: readonly string[];
    readonly removed: readonly string[];
    readonly changed: readonly { readonly image: string; readonly before: Digest; readonly after: Digest }[];
    /** Number of images that stay as they are. */
    readonly unchanged: number;
    /** Blobs and manifests that only the new lock has: at most so many bytes go to the registry. */
    readonly bytes: number;
}

/**
 * Compares two locks of one content; `before` is undefined for the first. Images that the newer archive builds on
 * (`earlier`) are still part of the content, so they do not count as removed.
 */
export function compareLocks(before: Lock | undefined, after: Lock): LockDifference {
    const old = before === undefined ? {} : toImageMap(before);
    const now = toImageMap(after);
    const kept = Object.keys(now).filter((image) => old[image] !== undefined);
    const changed = kept.sort().flatMap((image) => {
        const [from, to] = [old[image], now[image]];
        return from === undefined || to === undefined || from === to ? [] : [{ image, before: from, after: to }];
    });
    return {
        added: missingIn(old, now),
        removed: missingIn(now, old),
        changed,
        unchanged: kept.length - changed.length,
        bytes: bytesOnlyIn(after, before),
    };
}

/**
 * The newer lock as it takes the place of an older one with the same content: an earlier release may have had another
 * name for the format, and a stack would see a change where there is none.
 */
export function withFormerFormat(before: Lock | undefined, after: Lock): Lock {
    if (before === undefined || before.format === after.format) return after;
    const former = { ...after, format: before.format };
    return isSameFormat(before.format, after.format) && lockDigest(former) === lockDigest(before) ? former : after;
}

/**
 * Images whose names were found elsewhere than the older lock says, one line each.
 * @returns undefined if the older lock does not say where names come from
 */
export function compareNameSources(before: Lock, after: Lock): readonly string[] | undefined {
    const [old, now] = [before.nameSources, after.nameSources ?? {}];
    if (old === undefined) return Object.keys(now).length === 0 ? [] : undefined;
    return [...new Set([...Object.keys(old), ...Object.keys(now)])].sort().flatMap((image) => {
        const [was, is] = [old[image], now[image]].map((source) => (source ? nameSourceText(source) : "not recorded"));
        return was === is ? [] : [`${printable(image)}: its name comes from ${is ?? ""}; the lock says ${was ?? ""}`];
    });
}

/** Images that only one of two locks lists as excluded, or by another pattern: one line each. */
export function compareExclusions(before: Lock | undefined, after: Lock): readonly string[] {
    const [old, now] = [before?.excluded ?? {}, after.excluded ?? {}];
    const images = toImageMap(after);
    return [...new Set([...Object.keys(old), ...Object.keys(now)])].sort().flatMap((image) => {
        const [was, is] = [old[image], now[image]];
        if (was === is) return [];
        if (is !== undefined) return [`x ${image} excluded by ${is}${was === undefined ? "" : `, before by ${was}`}`];
        return images[image] === undefined ? [`x ${image} no longer in the archive, was excluded by ${was ?? ""}`] : [];
    });
}

function toImageMap(lock: Lock): Readonly<Record<string, Digest>> {
    return { ...lock.earlier.images, ...lock.images };
}

function missingIn(one: Readonly<Record<string, Digest>>, other: Readonly<Record<string, Digest>>): string[] {
    return Object.keys(other)
        .filter((image) => one[image] === undefined)
        .sort();
}

function bytesOnlyIn(after: Lock, before: Lock | undefined): number {
    const isNew = (digest: Digest): boolean =>
        before?.manifests[digest] === undefined && before?.blobs[digest] === undefined;
    let bytes = 0;
    for (const [digest, { size }] of Object.entries(after.manifests)) if (isNew(digest)) bytes += size;
    for (const [digest, size] of Object.entries(after.blobs)) {
        // What is both is the same bytes.
        if (isNew(digest) && after.manifests[digest] === undefined) bytes += size;
    }
    return bytes;
}
