import { CheckRequest } from "@pulumi/pulumi/proto/provider_pb";

/** A google.protobuf.Struct. Its package is a dependency of the SDK only, so its class is taken from a message. */
export type Struct = NonNullable<ReturnType<CheckRequest["getNews"]>>;

/** A value that is not known before the update. */
export const UNKNOWN = Symbol("unknown");

/** A secret value, as deep in the tree as the program marked it. */
export class Secret {
    constructor(readonly element: Property) {}
}

export type Property = null | boolean | number | string | typeof UNKNOWN | Secret | readonly Property[] | PropertyMap;
export interface PropertyMap {
    readonly [key: string]: Property;
}

/** A property tree without secrets; UNKNOWN may occur in it. */
export type Plain = null | boolean | number | string | typeof UNKNOWN | readonly Plain[] | PlainMap;
export interface PlainMap {
    readonly [key: string]: Plain;
}

// How the engine marks values in a Struct: pulumi/sdk/go/common/resource (SigKey, SecretSig) and plugin/rpc.go.
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const UNKNOWNS = new Set([
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
    "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);
const UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** The field `olds` of a CheckRequest, empty. */
const EMPTY_OLDS = Uint8Array.of(0x12, 0x00);
const StructClass = (CheckRequest.deserializeBinary(EMPTY_OLDS).getOlds() as Struct).constructor as unknown as {
    fromJavaScript(value: object): Struct;
};

/** @throws Error for assets, archives and resource references, which none of the kinds has */
export function readStruct(struct: Struct | undefined): PropertyMap {
    return (struct === undefined ? {} : decode(struct.toJavaScript())) as PropertyMap;
}

export function writeStruct(properties: PropertyMap): Struct {
    return StructClass.fromJavaScript(encode(properties) as object);
}

function decode(value: unknown): Property {
    if (typeof value === "string") return UNKNOWNS.has(value) ? UNKNOWN : value;
    if (Array.isArray(value)) return value.map(decode);
    if (typeof value !== "object" || value === null) return value as Property;
    const { [SIGNATURE]: signature, value: element } = value as Record<string, unknown>;
    if (signature === SECRET) return new Secret(decode(element));
    if (signature !== undefined) throw new Error("assets and references to resources are no properties of an object");
    return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, decode(child)]));
}

function encode(property: Property): unknown {
    if (property === UNKNOWN) return UNKNOWN_STRING;
    if (property instanceof Secret) return { [SIGNATURE]: SECRET, value: encode(property.element) };
    if (isList(property)) return property.map(encode);
    if (!isMap(property)) return property;
    return Object.fromEntries(Object.entries(property).map(([key, child]) => [key, encode(child)]));
}

export function isList(value: Plain | undefined): value is readonly Plain[];
export function isList(value: Property | undefined): value is readonly Property[];
export function isList(value: unknown): boolean {
    return Array.isArray(value);
}

function isMap(value: Property | undefined): value is PropertyMap {
    return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Secret);
}

export function isPlainMap(value: Plain | undefined): value is PlainMap {
    return isMap(value);
}

export function withoutSecrets(property: PropertyMap): PlainMap;
export function withoutSecrets(property: Property): Plain;
export function withoutSecrets(property: Property): Plain {
    if (property instanceof Secret) return withoutSecrets(property.element);
    if (isList(property)) return property.map((child) => withoutSecrets(child));
    if (!isMap(property)) return property;
    return Object.fromEntries(Object.entries(property).map(([key, child]) => [key, withoutSecrets(child)]));
}

export function hasUnknown(value: Plain): boolean {
    if (isList(value)) return value.some(hasUnknown);
    return isPlainMap(value) ? Object.values(value).some(hasUnknown) : value === UNKNOWN;
}

function hasSecret(property: Property): boolean {
    if (isList(property)) return property.some(hasSecret);
    return property instanceof Secret || (isMap(property) && Object.values(property).some(hasSecret));
}

/**
 * Marks in `values` what is secret in `inputs`: objects key by key, anything else, lists too, as a whole
 * (provider.go, annotateSecrets).
 */
export function markSecrets(values: PlainMap, inputs: PropertyMap): PropertyMap {
    const marked: Record<string, Property> = { ...values };
    for (const [key, input] of Object.entries(inputs)) {
        const value = values[key];
        if (value === undefined) continue;
        if (isPlainMap(value) && isMap(input)) marked[key] = markSecrets(value, input);
        else if (hasSecret(input)) marked[key] = new Secret(value);
    }
    return marked;
}
