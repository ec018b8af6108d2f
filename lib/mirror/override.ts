import { z } from "zod";

/**
 * The upstream of images whose archive does not say it, or says two; the first that matches counts. Without wildcards it
 * also replaces a name that the archive gives without a digest.
 */
export const overrideSchema = z.strictObject({
    match: z
        .string()
        .min(1)
        .meta({
            description:
                "A pattern over the name of the image in the archive, with or without its tag (docs/archives.md#patterns). " +
                "Which name that is depends on the format of the archive (docs/archives.md#names)",
            examples: ["ubi9/**"],
            fix: "write a pattern, as in ubi9/**",
        }),
    registry: z
        .string()
        .min(1)
        .meta({
            description: "The upstream host",
            examples: ["registry.access.redhat.com"],
            fix: "write a host, as in registry.access.redhat.com",
        }),
    repository: z
        .string()
        .min(1)
        .optional()
        .meta({
            description: "The upstream repository",
            examples: ["ubi9/ubi"],
            defaultText: "the one in the archive",
            fix: "write a repository without its host, as in ubi9/ubi",
        }),
    tag: z
        .string()
        .min(1)
        .optional()
        .meta({
            description: "The upstream tag, where the archive has none or another one",
            examples: ["9.4"],
            defaultText: "the one in the archive",
            fix: "write a tag in quotes, as in '9.4'",
        }),
});
export type Override = Readonly<z.infer<typeof overrideSchema>>;
