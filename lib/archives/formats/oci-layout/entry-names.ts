import type { Descriptor } from "../../../oci/manifest";
import {
    type Reference,
    canonicalRegistry,
    tryParseReference,
    repositoryName,
    sourceKey,
} from "../../../oci/reference";
import { distinct } from "../../naming/image-names";
import type { Origin } from "../../naming/origin";
import type { Override } from "../../../mirror/override";
import { overriddenReference } from "../../naming/override";

const REF_NAME = "org.opencontainers.image.ref.name";
const BASE_NAME = "org.opencontainers.image.base.name";
const KIND = "kind";
/** Full references; Hauler keeps the name before a rewrite in a key of its own. */
const FULL_NAMES = ["hauler.dev/original-ref", "io.containerd.image.name"];
const SOURCE_PREFIX = "containerd.io/distribution.source.";
const SUBJECT = "io.containerd.manifest.subject";
/** Hauler's kinds; stores of before v1.3 have cosign's prefix (pkg/consts, NormalizeLegacyKind). */
const HAULER_KIND = /^(?:dev\.hauler|dev\.cosignproject\.cosign)\/([A-Za-z]+)/;
const SIGNATURE_SUFFIX: Readonly<Record<string, string>> = { sigs: "sig", atts: "att", sboms: "sbom" };

/** What an entry point of a layout is called there: its `ref.name`. */
export function entryRefName(entry: Descriptor): string | undefined {
    return entry.annotations?.[REF_NAME];
}

/** For reports: the `ref.name`, else the digest. */
export function entryLabel(entry: Descriptor): string {
    return entryRefName(entry) ?? entry.digest;
}

/** The digest that containerd notes an entry to be about. */
export function notedSubject(entry: Descriptor): string | undefined {
    return entry.annotations?.[SUBJECT];
}

/** What Hauler says an entry is: `image`, `imageIndex`, `sigs`, `atts`, `sboms`, `referrers`. */
export function haulerKind(entry: Descriptor): string | undefined {
    return HAULER_KIND.exec(entry.annotations?.[KIND] ?? "")?.[1];
}

/** The ending of cosign's tag for what Hauler stores beside an image. */
export function signatureTagSuffix(entry: Descriptor): string | undefined {
    return SIGNATURE_SUFFIX[haulerKind(entry) ?? ""];
}

/** True for what Hauler stores as a referrer (SBOM, cosign v3 bundle): its names are those of the image it refers to. */
export function isHaulerReferrer(entry: Descriptor): boolean {
    return haulerKind(entry) === "referrers";
}

/** True for what is named after another image, whatever names its annotations have. */
export function isAttachment(entry: Descriptor): boolean {
    return notedSubject(entry) !== undefined || signatureTagSuffix(entry) !== undefined || isHaulerReferrer(entry);
}

/** The name of an image in its store, with the host where the layout has it: the same for what belongs to the image. */
export function storedName(entry: Descriptor): string {
    return FULL_NAMES.map((key) => entry.annotations?.[key]).find((name) => name !== undefined) ?? entryLabel(entry);
}

/** True for a layout that Hauler wrote: a `ref.name` has no host there, so it names nothing. */
export function isHaulerLayout(entries: readonly Descriptor[]): boolean {
    return entries.some(
        (entry) => haulerKind(entry) !== undefined || entry.annotations?.["hauler.dev/original-ref"] !== undefined,
    );
}

/** How names are read in a layout. */
export interface NamingRules {
    readonly isZarf: boolean;
    readonly isHauler: boolean;
}

/** What the annotations of an entry say of its upstream. */
export interface EntryNames {
    /** At least one. */
    readonly references: readonly Reference[];
    /** The full name as it is written there, if there is one. */
    readonly written: string | undefined;
    readonly origin: Origin;
}

/** The upstream references that the annotations of an entry give; undefined if they give none. */
export function namesIn(entry: Descriptor, rules: NamingRules, notes: string[]): EntryNames | undefined {
    const pulledFrom = pullSources(entry);
    const annotation = fullNameKey(entry, rules);
    if (annotation === undefined) {
        if (pulledFrom.length === 0) return undefined;
        return { references: distinct(pulledFrom), written: undefined, origin: annotationOrigin(`${SOURCE_PREFIX}*`) };
    }
    const written = entry.annotations?.[annotation] ?? "";
    const named = parsed(entry, written);
    if (named === undefined) return undefined;
    const isRetagged =
        pulledFrom.length > 0 &&
        !pulledFrom.some(({ registry, repository }) => registry === named.registry && repository === named.repository);
    if (isRetagged) notes.push(`${sourceKey(named)} was pulled as ${pulledFrom.map(sourceKey).join(", ")}`);
    return { references: [named], written, origin: annotationOrigin(annotation) };
}

/**
 * A full `ref.name` that means another image than the full name in another annotation: no tool is known to write both.
 * Hauler's `ref.name` is the name after a rewrite.
 */
export function rivalReference(entry: Descriptor, rules: NamingRules): Reference | undefined {
    const key = fullNameKey(entry, rules);
    const text = entryRefName(entry) ?? "";
    if (rules.isHauler || key === undefined || key === REF_NAME || !startsWithHost(text)) return undefined;
    const [named, other] = [parsed(entry, entry.annotations?.[key] ?? ""), parsed(entry, text)];
    return named === undefined || other === undefined || isSameName(named, other) ? undefined : other;
}

function startsWithHost(name: string): boolean {
    return name.includes("/") && canonicalRegistry(name.slice(0, name.indexOf("/"))) !== undefined;
}

function isSameName(a: Reference, b: Reference): boolean {
    const hasOtherTag = a.tag !== undefined && b.tag !== undefined && a.tag !== b.tag;
    return repositoryName(a) === repositoryName(b) && !hasOtherTag;
}

function annotationOrigin(where: string): Origin {
    return { from: "annotation", where };
}

/**
 * What an override may call an entry, the best first: its `ref.name`, the full name in its annotations, its digest, and
 * the folder of the layout with its tag.
 */
export function matchNames(entry: Descriptor, written: string | undefined, folder: string): string[] {
    const inFolder = folder === "" ? undefined : `${folder}${referenceSuffix(entry)}`;
    const names = [entryRefName(entry), written, entry.digest, inFolder];
    return [...new Set(names.filter((name) => name !== undefined))];
}

/** The reference that an override gives an entry which the layout does not name. */
export function overriddenReferences(
    entry: Descriptor,
    override: Override | undefined,
): readonly Reference[] | undefined {
    // Unlike the cache of oc-mirror, a layout has no path to fall back to.
    if (override?.repository === undefined) return undefined;
    return [overriddenReference(override, override.repository, referenceSuffix(entry))];
}

/**
 * The annotation with the full name of an entry. A `ref.name` with a slash is a full name, `name:tag` is Docker's short
 * form of one, a plain word is a tag.
 */
function fullNameKey(entry: Descriptor, { isZarf, isHauler }: NamingRules): string | undefined {
    const key = FULL_NAMES.find((name) => entry.annotations?.[name] !== undefined);
    if (key !== undefined) return key;
    if (!isHauler && /[/:@]/.test(entryRefName(entry) ?? "")) return REF_NAME;
    // Packages of Zarf's crane era have the name here alone.
    return isZarf && entry.annotations?.[BASE_NAME] !== undefined ? BASE_NAME : undefined;
}

/** What containerd notes of its pulls: `…distribution.source.<host>: <repository>[,<repository>…]`. */
function pullSources(entry: Descriptor): Reference[] {
    const suffix = referenceSuffix(entry);
    return Object.entries(entry.annotations ?? {})
        .filter(([key]) => key.startsWith(SOURCE_PREFIX))
        .flatMap(([key, value]) => {
            const host = key.slice(SOURCE_PREFIX.length);
            return value.split(",").map((path) => parsed(entry, `${host}/${path}${suffix}`));
        })
        .filter((reference) => reference !== undefined);
}

/** `:<tag>` of its name, or `@<digest>` where that has none. */
export function referenceSuffix(entry: Descriptor): string {
    const name = entryRefName(entry);
    const tag = name === undefined ? undefined : /^(?:[^@]*:)?([A-Za-z0-9_][A-Za-z0-9._-]*)$/.exec(name)?.[1];
    return tag === undefined ? `@${entry.digest}` : `:${tag}`;
}

/** A name without a tag means the digest at hand, not Docker's `latest`. Undefined if it is no reference. */
function parsed(entry: Descriptor, text: string): Reference | undefined {
    const isBare = !/[:@]/.test(text.slice(text.lastIndexOf("/") + 1));
    return tryParseReference(isBare ? `${text}@${entry.digest}` : text);
}
