import { isDeepStrictEqual } from "node:util";
import { parseBoundedJson } from "../../oci/bounded-json";
import { tryParseReference } from "../../oci/reference";
import type { ObjectMetadata } from "../../kubernetes/cluster-client";
import type { ExistingCluster } from "../existing/existing-cluster";
import { isBelow } from "../existing/shadowing";
import { type FormEntry, hasRealMirror, listEntries } from "../rules/mirror-entries";
import type { MirrorObject } from "../rules/mirror-object-types";
import type { RegistriesConf } from "../rules/registries-conf-types";
import { resolvePull } from "../rules/resolve";

/** What becomes of a mirror object that was there before ours: it stays, or goes when ours serve all that it does. */
export const OLD_OBJECT_STAGES = ["keep", "remove"] as const;

export type OldObjectStage = (typeof OLD_OBJECT_STAGES)[number];

/** By `oldObjectKey`. */
export type OldObjectStages = Readonly<Record<string, OldObjectStage>>;

/** A mirror object as a cluster has it. */
export type LiveObject = MirrorObject & { readonly metadata: ObjectMetadata };

/** By `oldObjectKey`, objects without what only the API server writes: what creates them again. */
export type ObjectCopies = Readonly<Record<string, MirrorObject>>;

const KINDS = ["ImageDigestMirrorSet", "ImageTagMirrorSet", "ImageContentSourcePolicy"] as const;

/** How the configuration names a mirror object: `ImageDigestMirrorSet/idms-operator-0`. */
export const OLD_OBJECT_KEY = new RegExp(`^(?:${KINDS.join("|")})/[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$`);

/** Where `kubectl apply` keeps what it applied last: it would be out of date in a copy. */
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/** `ImageDigestMirrorSet/idms-operator-0`. */
export function oldObjectKey({ kind, metadata }: MirrorObject): string {
    return `${kind}/${metadata.name}`;
}

/** What creates an object again. */
export function copyObject({ apiVersion, kind, metadata, spec }: LiveObject): MirrorObject {
    const { name, labels, annotations = {} } = metadata;
    const { [LAST_APPLIED]: _, ...kept } = annotations;
    const copied = {
        name,
        ...(labels === undefined ? {} : { labels }),
        ...(Object.keys(kept).length === 0 ? {} : { annotations: kept }),
    };
    return { apiVersion, kind, metadata: copied, spec } as MirrorObject;
}

/** As state holds them. */
export function formatCopies(copies: ObjectCopies): string {
    return JSON.stringify(copies);
}

/** @param text as `formatCopies` writes it; undefined: none */
export function parseCopies(text: string | undefined): ObjectCopies {
    return text === undefined ? {} : (parseBoundedJson(text) as ObjectCopies);
}

/** What a run does with the named objects. */
export interface OldObjectPlan {
    readonly remove: readonly LiveObject[];
    /** As the copies have them. */
    readonly create: readonly MirrorObject[];
    /** To be removed, but state has no copy of it as it is now: a later run removes it. */
    readonly copyFirst: readonly LiveObject[];
    /** To be kept, and there. */
    readonly kept: readonly LiveObject[];
    /** To be kept, but the cluster has no such object, and state no copy. */
    readonly unknown: readonly string[];
    /** Of all named objects, as the cluster has them now; of those that it does not have, the former ones. */
    readonly copies: ObjectCopies;
}

/**
 * Compares a cluster with what is to become of its old objects. Only an object of which state has a copy is removed, so that
 * `keep` can create it again.
 * @param former the copies that state has
 */
export function planOldObjects(
    { objects }: Pick<ExistingCluster, "objects">,
    stages: OldObjectStages,
    former: ObjectCopies,
): OldObjectPlan {
    const live = new Map((objects as readonly LiveObject[]).map((object) => [oldObjectKey(object), object]));
    const named = Object.entries(stages).sort(([one], [other]) => (one < other ? -1 : 1));
    const present = named.flatMap(([key, stage]) => {
        const object = live.get(key);
        return object === undefined ? [] : [{ key, stage, object, copy: copyObject(object) }];
    });
    const absent = named.filter(([key]) => !live.has(key));
    const leaving = present.filter(({ stage }) => stage === "remove");
    const isKnown = ({ key, copy }: (typeof present)[number]) => isDeepStrictEqual(former[key], copy);
    const copyOf = (key: string) => (Object.hasOwn(former, key) ? former[key] : undefined);
    const copies = [
        ...present.map(({ key, copy }) => [key, copy] as const),
        ...absent.flatMap(([key]) => {
            const copy = copyOf(key);
            return copy === undefined ? [] : [[key, copy] as const];
        }),
    ];
    return {
        remove: leaving.filter(isKnown).map(({ object }) => object),
        copyFirst: leaving.filter((one) => !isKnown(one)).map(({ object }) => object),
        kept: present.filter(({ stage }) => stage === "keep").map(({ object }) => object),
        create: absent.flatMap(([key, stage]) => (stage === "keep" ? (copyOf(key) ?? []) : [])),
        unknown: absent.filter(([key, stage]) => stage === "keep" && copyOf(key) === undefined).map(([key]) => key),
        copies: Object.fromEntries(copies.sort(([one], [other]) => (one < other ? -1 : 1))),
    };
}

/** Sources of these objects, sorted, each once. */
export function sourcesOf(objects: readonly MirrorObject[]): string[] {
    return [...new Set(objects.flatMap(listEntries).map(({ source }) => source))].sort();
}

/** What becomes of the pulls that an entry of a removed object redirects. */
export interface RemovedEntry extends FormEntry {
    /** The source of the rule that redirects them then; absent: none does. */
    readonly rule?: string;
    /** Where that rule leads. */
    readonly locations: readonly string[];
}

/**
 * Follows pulls below each source of objects that are to be removed, as nodes will: a rule around the source does not
 * serve them if a rule in between redirects pulls of the other form only, or if it is a wildcard and they name a port.
 * @param conf what nodes have then
 */
export function followRemoved(removed: readonly MirrorObject[], conf: RegistriesConf): RemovedEntry[] {
    return removed
        .flatMap(listEntries)
        .filter(hasRealMirror)
        .map((entry) => {
            const reference = tryParseReference(pullBelow(entry));
            const { attempts = [], rule } = reference === undefined ? {} : resolvePull(conf, reference);
            const locations = attempts.filter(({ viaMirror }) => viaMirror).map(({ location }) => location);
            return { ...entry, locations, ...(rule === undefined || locations.length === 0 ? {} : { rule }) };
        });
}

/** Some image of a source: `docker.io/any` would be one of `docker.io/library`. */
function pullBelow({ source, form }: FormEntry): string {
    const name = `${source.replace(/^\*/, "any")}/any/any`;
    return form === "digest" ? `${name}@sha256:${"0".repeat(64)}` : `${name}:any`;
}

/**
 * True if nodes must get all changes of these objects at once. Of two objects with the same source, or with one inside the
 * other, whichever is changed first decides alone about pulls that the other serves: without the ITMS, a source that the
 * IDMS still has takes its tags away from the rules around it, and the other way round.
 */
export function needsOneStep(objects: readonly MirrorObject[]): boolean {
    const isSharing = (one: string, other: string) => one === other || isBelow(one, other) || isBelow(other, one);
    return objects.some((object, at) =>
        objects
            .slice(at + 1)
            .some((other) =>
                sourcesOf([object]).some((source) => sourcesOf([other]).some((name) => isSharing(source, name))),
            ),
    );
}
