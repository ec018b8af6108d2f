import { NAME_ORIGINS } from "../mirror/name-source";
import { isDigest } from "../oci/digest";
import { isMediaType } from "../oci/media-types";

/**
 * True only for a document whose large parts (images, manifests, blobs) have the shape that a lock's schema wants. The
 * schema takes seconds over 100,000 entries; what this lets pass needs it for the small parts alone, and what it does
 * not let pass is given to it whole, so that its words are the only ones.
 */
export function hasSoundParts(document: unknown): document is SoundParts {
    if (!isObject(document) || !isObject(document.earlier)) return false;
    const { images, manifests, blobs, earlier, nameSources } = document;
    return (
        (nameSources === undefined || isRecord(nameSources, isName, isNameSource)) &&
        hasOnly(document, LOCK_FIELDS) &&
        hasOnly(earlier, EARLIER_FIELDS) &&
        isRecord(images, isName, isDigestText) &&
        isRecord(manifests, isDigestText, isManifest) &&
        isRecord(blobs, isDigestText, isSize) &&
        isRecord(earlier.images, isName, isDigestText) &&
        isRecord(earlier.manifests, isDigestText, isEarlierObject) &&
        isRecord(earlier.blobs, isDigestText, isEarlierObject)
    );
}

/** The parts that were looked at. */
export interface SoundParts {
    readonly images: Parts;
    readonly manifests: Parts;
    readonly blobs: Parts;
    readonly earlier: Readonly<Record<"images" | "manifests" | "blobs", Parts>>;
    readonly nameSources?: Parts;
}

/** Of the type that the lock has there. */
type Parts = Readonly<Record<string, never>>;

const LOCK_FIELDS: ReadonlySet<string> = new Set(
    "lockVersion format parts images marks manifests blobs earlier absent excluded cluster nameSources".split(" "),
);
const EARLIER_FIELDS: ReadonlySet<string> = new Set(["images", "manifests", "blobs"]);
const MANIFEST_FIELDS: ReadonlySet<string> = new Set(["mediaType", "size", "manifests", "blobs", "absent"]);
const SOURCE_FIELDS: ReadonlySet<string> = new Set(["from", "where", "name"]);
const OBJECT_FIELDS: ReadonlySet<string> = new Set(["size", "from"]);

function isObject(value: unknown): value is Record<string, unknown> {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

function hasOnly(value: object, fields: ReadonlySet<string>): boolean {
    return Object.keys(value).every((key) => fields.has(key));
}

function isRecord(value: unknown, isKey: (key: string) => boolean, isValue: (value: unknown) => boolean): boolean {
    return isObject(value) && Object.entries(value).every(([key, entry]) => isKey(key) && isValue(entry));
}

/** What a name may be is looked at later; an object must not mistake it for its prototype. */
function isName(key: string): boolean {
    return key !== "__proto__";
}

function isDigestText(value: unknown): boolean {
    return typeof value === "string" && isDigest(value);
}

function isSize(value: unknown): boolean {
    return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isListWith(value: unknown, isItem: (item: unknown) => boolean): boolean {
    return Array.isArray(value) && value.every(isItem);
}

function isManifest(value: unknown): boolean {
    if (!isObject(value) || !hasOnly(value, MANIFEST_FIELDS)) return false;
    const { mediaType, size, ...digests } = value;
    if (typeof mediaType !== "string" || !isMediaType(mediaType) || !isSize(size)) return false;
    return Object.values(digests).every((list) => isListWith(list, isDigestText));
}

function isNameSource(value: unknown): boolean {
    if (!isObject(value) || !hasOnly(value, SOURCE_FIELDS)) return false;
    const { from, where, name } = value;
    const isKnown = NAME_ORIGINS.some((origin) => origin === from);
    return isKnown && typeof name === "string" && (where === undefined || typeof where === "string");
}

function isEarlierObject(value: unknown): boolean {
    if (!isObject(value) || !hasOnly(value, OBJECT_FIELDS)) return false;
    return isSize(value.size) && isListWith(value.from, (source) => typeof source === "string");
}
