import { z } from "zod";
import { schemaIssues } from "../../../errors/schema-issues";
import { ArchiveError, errorMessage } from "../../../errors/errors";
import { parseBoundedYaml } from "../../../oci/bounded-yaml";
import type { MetadataFile } from "./cache-index";

const version = { minVersion: z.string().optional(), maxVersion: z.string().optional() };
const operator = z.looseObject({
    catalog: z.string(),
    targetCatalog: z.string().optional(),
    targetTag: z.string().optional(),
    targetCatalogSourceTemplate: z.string().optional(),
    full: z.boolean().optional(),
    skipDependencies: z.boolean().optional(),
    packages: z
        .array(
            z.looseObject({
                name: z.string(),
                channels: z.array(z.looseObject({ name: z.string(), ...version })).optional(),
                defaultChannel: z.string().optional(),
                ...version,
            }),
        )
        .nullish(),
    platforms: z.array(z.looseObject({ os: z.string(), architecture: z.string() })).nullish(),
});
const schema = z.looseObject({
    mirror: z
        .looseObject({
            additionalImages: z
                .array(
                    z.looseObject({
                        name: z.string(),
                        targetRepo: z.string().optional(),
                        targetTag: z.string().optional(),
                    }),
                )
                .nullish(),
            operators: z.array(operator).nullish(),
            platform: z.looseObject({ release: z.string().optional() }).nullish(),
        })
        .nullish(),
});

/** `mirror` of an image set configuration (oc-mirror, api/v2alpha1), as far as names depend on it. */
export type ImageSetContent = NonNullable<z.infer<typeof schema>["mirror"]>;

/** A catalog of an image set, and what of it is wanted. */
export type OperatorRequest = z.infer<typeof operator>;

/** What an image set asks for. @throws ArchiveError `ARCHIVE_METADATA_INVALID` */
export function readImageSet(file: MetadataFile): ImageSetContent {
    return readYaml(file, schema).mirror ?? {};
}

/** The document of a YAML file. @throws ArchiveError `ARCHIVE_METADATA_INVALID` with its place */
export function readYaml<T>(file: MetadataFile, shape: z.ZodType<T>): T {
    let document: unknown;
    try {
        document = parseBoundedYaml(file.text);
    } catch (cause) {
        throw invalidMetadata(file, `not YAML: ${errorMessage(cause)}`, cause);
    }
    const result = shape.safeParse(document);
    if (result.success) return result.data;
    throw invalidMetadata(file, schemaIssues(result.error), result.error);
}

/** A text of the archive does not say what it should. */
export function invalidMetadata(file: MetadataFile, what: string, cause: unknown): ArchiveError {
    const place = { archive: file.archive, entry: file.name, offset: file.offset };
    return new ArchiveError(what, { ...place, code: "ARCHIVE_METADATA_INVALID", cause });
}

/** The source without `docker://`; undefined for what does not come from a registry (`oci://…`). */
export function withoutTransport(name: string): string | undefined {
    const source = name.replace(/^docker:\/\//, "");
    return /^[a-z][a-z-]*:\/\//.test(source) ? undefined : source;
}
