import { z } from "zod";
import { accountsSchema } from "./account-keys";
import { siteSchema } from "./schema";

/** One key of the configuration, with what its documentation and its error messages say. */
export interface ConfigKey {
    /** Without its prefix, list entries as `[]`: `registry.mirrorBase`, `content[].lock`; "" for the object itself. */
    readonly key: string;
    readonly description: string;
    readonly isRequired: boolean;
    /** For people; absent: a required key, or one that only groups others. */
    readonly defaultText?: string;
    /** The value of a key in a stack file. */
    readonly example?: unknown;
    /** What to write in place of a value that is wrong, as an imperative. */
    readonly fix?: string;
    /** The type of the value, for people: `whole number from 1 to 64`; absent: one of `values`, or a group of keys. */
    readonly typeText?: string;
    /** All values, where they can be listed. */
    readonly values?: readonly string[];
    /** Whether it only holds other keys. */
    readonly isGroup: boolean;
    readonly isSecret: boolean;
}

/** All keys of `registry-passthrough:site`, each section before what is in it. */
export function siteKeys(): ConfigKey[] {
    return keysIn(inputSchema(siteSchema), "", true);
}

/** The flat keys beside it: `registryUsername`, … */
export function accountKeys(): ConfigKey[] {
    return keysIn(inputSchema(accountsSchema), "", true).filter(({ key }) => key !== "");
}

export type JsonSchema = z.core.JSONSchema.BaseSchema;

/** What the configuration's metadata adds to JSON Schema's own keywords. */
export interface KeyMetadata {
    readonly defaultText?: string;
    readonly fix?: string;
    readonly typeText?: string;
    readonly examples?: readonly unknown[];
    /** Where `examples` does not work: zod leaves it out of what is transformed when it is read. */
    readonly exampleText?: string;
    readonly isSecret?: boolean;
}

/** JSON Schema (draft 7, which editors support) of what people write, with the metadata of each key. */
export function inputSchema(schema: z.ZodType): JsonSchema {
    return z.toJSONSchema(schema, { io: "input", target: "draft-7" }) as JsonSchema;
}

function keysIn(schema: JsonSchema, key: string, isRequired: boolean): ConfigKey[] {
    const { properties = {}, required = [], items, additionalProperties } = longForm(schema);
    const inner = Object.entries(properties).flatMap(([name, value]) =>
        typeof value === "boolean" ? [] : keysIn(value, key === "" ? name : `${key}.${name}`, required.includes(name)),
    );
    return [
        configKey(schema, key, isRequired),
        ...inner,
        ...entryKeys(items, `${key}[]`),
        ...entryKeys(additionalProperties, `${key}.${ANY_NAME}`),
    ];
}

/** Of a value that is one word or an object, the object. */
function longForm(schema: JsonSchema): JsonSchema {
    const forms = schema.anyOf?.filter((form): form is JsonSchema => typeof form === "object");
    return forms?.find(({ properties }) => properties !== undefined) ?? schema;
}

/** A name that people choose, in a key: `clusters.<name>.version`. */
export const ANY_NAME = "<name>";

function entryKeys(items: JsonSchema["items"], key: string): ConfigKey[] {
    if (typeof items !== "object" || Array.isArray(items) || items.properties === undefined) return [];
    return keysIn(items, key, false).filter((entry) => entry.key !== key);
}

function configKey(schema: JsonSchema, key: string, isRequired: boolean): ConfigKey {
    const { description = "", defaultText, fix, examples, exampleText, isSecret } = schema as JsonSchema & KeyMetadata;
    const example = exampleText ?? examples?.[0];
    const values = schema.enum?.map(String);
    const isGroup = schema.properties !== undefined;
    const typeText = isGroup || values !== undefined ? undefined : valueType(schema);
    const shownDefault = defaultText ?? (isGroup ? undefined : valueText(schema.default));
    return {
        key,
        description,
        isRequired,
        ...(shownDefault === undefined ? {} : { defaultText: shownDefault }),
        ...(example === undefined ? {} : { example }),
        ...(fix === undefined ? {} : { fix }),
        ...(typeText === undefined ? {} : { typeText }),
        ...(values === undefined ? {} : { values }),
        isGroup,
        isSecret: isSecret === true,
    };
}

function valueType(schema: JsonSchema): string {
    const { typeText } = schema as KeyMetadata;
    if (typeText !== undefined) return typeText;
    if (schema.anyOf !== undefined) return schema.anyOf.map(valueType).join(", or a ");
    if (schema.type === "array") return `list of ${entryType(schema.items)}`;
    if (schema.type === "boolean") return "`true` or `false`";
    if (schema.type === "integer") return `whole number${rangeText(schema)}`;
    if (schema.type === "number") return `number${rangeText(schema)}`;
    return "text";
}

function entryType(items: JsonSchema["items"]): string {
    return typeof items === "object" && !Array.isArray(items) && items.type === "object" ? "objects" : "texts";
}

function rangeText({ minimum, maximum }: JsonSchema): string {
    if (minimum === undefined) return "";
    return maximum === undefined || maximum === Number.MAX_SAFE_INTEGER
        ? `, ${minimum} or more`
        : ` from ${minimum} to ${maximum}`;
}

function valueText(value: unknown): string | undefined {
    if (value === undefined) return undefined;
    return typeof value === "string" ? value : JSON.stringify(value);
}
