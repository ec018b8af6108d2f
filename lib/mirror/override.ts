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
                "A pattern over the name in the archive, with or without its tag: for oc-mirror and oc image mirror " +
                "`<repository>[:<tag>]`, for an OCI layout the `ref.name`, the full name in its annotations, or the digest of an " +
                "entry, for a docker-archive the `RepoTags` or the digest of the config, for a `dir:` layout the folder or the " +
                "digest. `*` and `?` stay within a path part, `**` crosses slashes (docs/archives.md, Patterns)",
            examples: ["ubi9/**"],
        }),
    registry: z
        .string()
        .min(1)
        .meta({ description: "The upstream host", examples: ["registry.access.redhat.com"] }),
    repository: z.string().min(1).optional().meta({
        description: "The upstream repository",
        defaultText: "the one in the archive",
    }),
    tag: z.string().min(1).optional().meta({
        description: "The upstream tag, if the archive has another one or none",
        defaultText: "the one in the archive",
    }),
});
export type Override = Readonly<z.infer<typeof overrideSchema>>;
