import { z } from "zod";

/**
 * The upstream of images whose archive does not say it, or says two; the first that matches counts. Without wildcards it
 * also replaces a name that the archive gives without a digest.
 */
export const overrideSchema = z.strictObject({
    /**
     * A glob over the name in the archive, with or without its tag: for oc-mirror and oc image mirror
     * `<repository>[:<tag>]`, for an OCI layout the `ref.name`, the full name in its annotations, or the digest of an
     * entry, for a docker-archive the `RepoTags` or the digest of the config, for a `dir:` layout the folder or the digest.
     * `*` and `?` stay within a path part, `**` crosses slashes (docs/archives.md, "Patterns").
     */
    match: z.string().min(1),
    /** The upstream host, `registry.access.redhat.com`. */
    registry: z.string().min(1),
    /** The upstream repository, if it is not the one in the archive. */
    repository: z.string().min(1).optional(),
    /** The upstream tag, if it is not the one in the archive, or the archive has none. */
    tag: z.string().min(1).optional(),
});
export type Override = Readonly<z.infer<typeof overrideSchema>>;
