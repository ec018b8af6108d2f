import { z } from "zod";
import { accountsSchema } from "./accounts";
import { siteSchema } from "./schema";

/** One key of the configuration, with what its documentation and its error messages say. */
export interface ConfigKey {
    /** Without its prefix, list entries as `[]`: `registry.mirrorBase`, `content[].lock`; "" for the object itself. */
    readonly key: string;
    readonly description: string;
    readonly isRequired: boolean;
    /** For people; absent: a required key, or one that only groups others. */
    readonly defaultText?: string;
    /** As people write it, YAML. */
    readonly example?: string;
    /** What to write in place of a value that is wrong, as an imperative. */
    readonly fix?: string;
    /** What may be written, where that is a list. */
    readonly values?: readonly string[];
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

/** JSON Schema (draft 2020-12) of `registry-passthrough:site`, as people write it. */
export function siteJsonSchema(): JsonSchema {
    return z.toJSONSchema(siteSchema, {
        io: "input",
        override: ({ jsonSchema }) => {
            // Ours: validators that are strict refuse keywords they do not know.
            delete jsonSchema.fix;
            delete jsonSchema.defaultText;
        },
    }) as JsonSchema;
}

export type JsonSchema = z.core.JSONSchema.BaseSchema;

function inputSchema(schema: z.ZodType): JsonSchema {
    return z.toJSONSchema(schema, { io: "input" }) as JsonSchema;
}

function keysIn(schema: JsonSchema, key: string, isRequired: boolean): ConfigKey[] {
    const { properties = {}, required = [], items } = schema;
    const inner = Object.entries(properties).flatMap(([name, value]) =>
        typeof value === "boolean" ? [] : keysIn(value, key === "" ? name : `${key}.${name}`, required.includes(name)),
    );
    return [configKey(schema, key, isRequired), ...inner, ...entryKeys(items, `${key}[]`)];
}

function entryKeys(items: JsonSchema["items"], key: string): ConfigKey[] {
    if (typeof items !== "object" || Array.isArray(items) || items.properties === undefined) return [];
    return keysIn(items, key, false).filter((entry) => entry.key !== key);
}

function configKey(schema: JsonSchema, key: string, isRequired: boolean): ConfigKey {
    const { description = "", defaultText, fix, examples, isSecret } = schema as JsonSchema & KeyMetadata;
    const [example] = examples ?? [];
    const values = schema.enum?.map(String);
    const shownDefault = defaultText ?? (isGroup(schema) ? undefined : textOf(schema.default));
    return {
        key,
        description,
        isRequired,
        ...(shownDefault === undefined ? {} : { defaultText: shownDefault }),
        ...(example === undefined ? {} : { example: textOf(example) ?? "" }),
        ...(fix === undefined ? {} : { fix }),
        ...(values === undefined ? {} : { values }),
        isSecret: isSecret === true,
    };
}

interface KeyMetadata {
    readonly defaultText?: string;
    readonly fix?: string;
    readonly examples?: readonly unknown[];
    readonly isSecret?: boolean;
}

function isGroup({ properties }: JsonSchema): boolean {
    return properties !== undefined;
}

function textOf(value: unknown): string | undefined {
    if (value === undefined) return undefined;
    return typeof value === "string" ? value : JSON.stringify(value);
}
