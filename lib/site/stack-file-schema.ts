import { accountsSchema } from "./account-keys";
import { type JsonSchema, type KeyMetadata, inputSchema } from "./key-documentation";
import { siteSchema } from "./schema";

const PREFIX = "registry-passthrough:";
const SITE = { $ref: "#/definitions/site" };
/** A value that `pulumi config set --secret` encrypted. */
const SECURE: JsonSchema = {
    type: "object",
    properties: { secure: { type: "string" } },
    required: ["secure"],
    additionalProperties: false,
};

/**
 * JSON Schema (draft 7) of a stack file, `Pulumi.<stack>.yaml`, for editors. Keys of other namespaces and Pulumi's own
 * are allowed. No key of an object is required, since the project's defaults may have it; those of list entries are.
 */
export function stackFileJsonSchema(): JsonSchema {
    const site = stackFileKeys(inputSchema(siteSchema));
    const flatKeys = Object.entries(inputSchema(accountsSchema).properties ?? {}).map(
        ([key, schema]) => [`${PREFIX}${key}`, accountSchema(schema)] as const,
    );
    const ownKeys = ["site", "defaults", "kubeconfig-.+", ...Object.keys(accountsSchema.shape)];
    const kubeconfig = flatKeys.find(([key]) => key === `${PREFIX}kubeconfig`)?.[1];
    return {
        $schema: "http://json-schema.org/draft-07/schema#",
        description: "Stack file of Registry Passthrough: Pulumi.<stack>.yaml",
        type: "object",
        properties: {
            config: {
                description: "Configuration of the stack",
                type: ["object", "null"],
                properties: {
                    [`${PREFIX}site`]: SITE,
                    [`${PREFIX}defaults`]: { ...SITE, description: "Merged under registry-passthrough:site" },
                    ...Object.fromEntries(flatKeys),
                },
                patternProperties: {
                    [`^${PREFIX}kubeconfig-.+$`]: { ...kubeconfig, description: "Kubeconfig of one of site.clusters" },
                    [`^${PREFIX}(?!(${ownKeys.join("|")})$)`]: false,
                },
            },
            encryptionsalt: { description: "Written by Pulumi", type: "string" },
            encryptedkey: { description: "Written by Pulumi", type: "string" },
            secretsprovider: { description: "Written by Pulumi", type: "string" },
        },
        definitions: { site },
    } as JsonSchema;
}

function accountSchema(schema: JsonSchema | boolean): JsonSchema {
    const { description, isSecret } = schema as JsonSchema & KeyMetadata;
    if (isSecret === true) {
        // Editors show the title of what they expect in place of a text.
        return { title: "pulumi config set --secret", description, ...SECURE } as JsonSchema;
    }
    return { description, anyOf: [{ type: "string" }, SECURE] } as JsonSchema;
}

/** The schema of an object and the objects in it: nothing is required, only JSON Schema's own keywords. */
function stackFileKeys(schema: JsonSchema): JsonSchema {
    const { required, ...rest } = withoutMetadata(schema);
    if (typeof rest.additionalProperties === "object") {
        return { ...rest, additionalProperties: stackFileKeys(schema.additionalProperties as JsonSchema) };
    }
    if (rest.properties === undefined) return { ...rest, ...(required === undefined ? {} : { required }) };
    return { ...rest, properties: mapProperties(schema, stackFileKeys) };
}

/** Validators that are strict reject keywords they do not know. */
function withoutMetadata(schema: JsonSchema): JsonSchema {
    const { fix, isSecret, typeText, defaultText, exampleText, $schema, maximum, ...rest } = schema as JsonSchema &
        KeyMetadata;
    const { description, examples = exampleText === undefined ? undefined : [exampleText], items } = rest;
    const defaultNote = defaultText === undefined || rest.default !== undefined ? "" : `. Default: ${defaultText}`;
    return {
        ...rest,
        ...(description === undefined ? {} : { description: `${description}${defaultNote}` }),
        ...(examples === undefined ? {} : { examples }),
        ...(rest.anyOf === undefined ? {} : { anyOf: rest.anyOf.map(withoutMetadata) }),
        ...(maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? {} : { maximum }),
        ...(rest.properties === undefined ? {} : { properties: mapProperties(rest, withoutMetadata) }),
        ...(typeof items !== "object" || Array.isArray(items) ? {} : { items: withoutMetadata(items) }),
    };
}

function mapProperties({ properties = {} }: JsonSchema, change: (schema: JsonSchema) => JsonSchema) {
    return Object.fromEntries(
        Object.entries(properties).map(([key, value]) => [key, typeof value === "boolean" ? value : change(value)]),
    );
}
