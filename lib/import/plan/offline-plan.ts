import type { OnRemove } from "../../mirror/on-remove";
import type { ImageSet } from "../../mirror/image-set";
import type { Digest } from "../../oci/digest";
import { parseSourceKey, repositoryName } from "../../oci/reference";

/** Images by source reference, as locks, state and outputs have them. */
export type ImagesBySource = Readonly<Record<string, Digest>>;

/** One image set as it is wanted. */
export interface WantedSet {
    readonly name: string;
    readonly images: ImagesBySource;
    /** What it relies on: still wanted, but from an earlier archive. */
    readonly earlier?: ImagesBySource;
    /** What the lock says of manifests and blobs; absent: their sizes are not known. */
    readonly facts?: Pick<ImageSet, "manifests" | "blobs"> | undefined;
}

export interface NamedImage {
    readonly image: string;
    readonly digest: Digest;
}

export interface ChangingImage {
    readonly image: string;
    readonly before: Digest;
    readonly after: Digest;
}

/** What one set adds and changes; lists are sorted by name. */
export interface SetOutlook {
    readonly name: string;
    readonly coming: readonly NamedImage[];
    readonly changing: readonly ChangingImage[];
    /** Number of images that are there by the last imported state. */
    readonly unchanged: number;
    /** Payload that is sent at most, since the registry may have some of it; absent without facts. */
    readonly bytes?: number;
}

/** How many images all sets together are about; one that several of them hold, with the same digest, counts once. */
export interface PlanTotals {
    readonly coming: number;
    readonly changing: number;
    readonly unchanged: number;
    /** Those of all these that more than one set holds. */
    readonly shared: number;
    /**
     * Images that will be deleted from the registry, replaced ones included, unless something else there needs them; 0 with
     * `onRemove: keep`.
     */
    readonly deleting: number;
}

/** What a run would change, as far as it can be said without asking anybody (docs/architecture.md, "Two plans"). */
export interface OfflinePlan {
    readonly sets: readonly SetOutlook[];
    /** Images that no set wants any more, sorted. */
    readonly going: readonly NamedImage[];
    readonly onRemove: OnRemove;
    readonly totals: PlanTotals;
    /** All sets together; blobs that several of them hold count once. Absent if it is for one of them. */
    readonly bytes?: number;
}

/**
 * Holds image sets against what was imported last. Pure: needs no network, no archive, no cluster.
 * @param before every image of the last imported state; empty for a first run
 * @throws PassthroughError `REFERENCE_INVALID` for a wanted name that is none
 */
export function planOffline(
    sets: readonly WantedSet[],
    before: ImagesBySource,
    onRemove: OnRemove = "keep",
): OfflinePlan {
    const payloads = sets.map((set) => setPayload(set, before));
    const wanted = new Set(
        sets.flatMap(({ images, earlier }) => [...Object.keys(images), ...Object.keys(earlier ?? {})]),
    );
    const total = payloads.every((payload) => payload !== undefined)
        ? { bytes: payloadBytes(new Map(payloads.flatMap((payload) => [...payload]))) }
        : {};
    return {
        sets: sets.map((set, i) => describeSet(set, before, payloads[i])),
        going: named(before, (image) => !wanted.has(image)),
        onRemove,
        totals: { ...sumSets(sets, before), deleting: onRemove === "delete" ? countDeleted(sets, before) : 0 },
        ...total,
    };
}

/** True if a run would have nothing to do, by what is known offline. */
export function isEmptyPlan({ sets, going }: OfflinePlan): boolean {
    return going.length === 0 && sets.every(({ coming, changing }) => coming.length + changing.length === 0);
}

function sumSets(sets: readonly WantedSet[], before: ImagesBySource): Omit<PlanTotals, "deleting"> {
    const holders = new Map<string, number>();
    const totals = { coming: 0, changing: 0, unchanged: 0 };
    for (const [image, digest] of sets.flatMap(({ images }) => Object.entries(images))) {
        const key = `${image} ${digest}`;
        const held = holders.get(key) ?? 0;
        holders.set(key, held + 1);
        if (held === 0) totals[changeKind(before[image], digest)]++;
    }
    return { ...totals, shared: [...holders.values()].filter((count) => count > 1).length };
}

/** Images that no set wants as they were, and whose manifest no set wants in that repository. */
function countDeleted(sets: readonly WantedSet[], before: ImagesBySource): number {
    const wanted = sets.flatMap(({ images, earlier }) => [...Object.entries(images), ...Object.entries(earlier ?? {})]);
    // Not parsed: what was imported before may be a list of any names.
    const place = ([source, digest]: [string, Digest]) => `${source.replace(/@.*$|:[^:/]*$/, "")} ${digest}`;
    const kept = new Set(wanted.map(place));
    return Object.entries(before).filter((image) => !kept.has(place(image))).length;
}

function changeKind(was: Digest | undefined, wanted: Digest): "coming" | "changing" | "unchanged" {
    if (was === undefined) return "coming";
    return was === wanted ? "unchanged" : "changing";
}

function describeSet(set: WantedSet, before: ImagesBySource, payload: Payload | undefined): SetOutlook {
    const coming = named(set.images, (image) => before[image] === undefined);
    const changing = Object.entries(set.images)
        .flatMap(([image, after]) => {
            const was = before[image];
            return was === undefined || was === after ? [] : [{ image, before: was, after }];
        })
        .sort(byImage);
    return {
        name: set.name,
        coming,
        changing,
        unchanged: Object.keys(set.images).length - coming.length - changing.length,
        ...(payload === undefined ? {} : { bytes: payloadBytes(payload) }),
    };
}

function named(images: ImagesBySource, holds: (image: string) => boolean): NamedImage[] {
    return Object.entries(images)
        .filter(([image]) => holds(image))
        .map(([image, digest]) => ({ image, digest }))
        .sort(byImage);
}

function byImage(a: { image: string }, b: { image: string }): number {
    return a.image < b.image ? -1 : a.image > b.image ? 1 : 0;
}

/** What is sent -> its bytes: blobs once, since other repositories mount them; manifests once per repository and tag. */
type Payload = Map<string, number>;

function setPayload({ images, facts }: WantedSet, before: ImagesBySource): Payload | undefined {
    if (facts === undefined) return undefined;
    const payload: Payload = new Map();
    const addParts = (repository: string, digest: Digest): void => {
        const manifest = facts.manifests[digest];
        for (const blob of manifest?.blobs ?? []) payload.set(blob, facts.blobs[blob] ?? 0);
        for (const child of manifest?.manifests ?? []) {
            const key = `${repository} ${child}`;
            if (payload.has(key)) continue;
            payload.set(key, facts.manifests[child]?.size ?? 0);
            addParts(repository, child);
        }
    };
    for (const [source, digest] of Object.entries(images)) {
        if (before[source] === digest) continue;
        payload.set(`${source} ${digest}`, facts.manifests[digest]?.size ?? 0);
        addParts(repositoryName(parseSourceKey(source)), digest);
    }
    return payload;
}

function payloadBytes(payload: Payload): number {
    return [...payload.values()].reduce((sum, size) => sum + size, 0);
}
