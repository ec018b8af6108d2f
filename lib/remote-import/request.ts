import { z } from "zod";
import { PassthroughError } from "../errors/errors";
import { schemaIssues } from "../errors/schema-issues";
import { imageText } from "../import";
import { overrideSchema } from "../mirror/override";
import { parseBoundedJson } from "../oci/bounded-json";
import { connectionSecrets, registryConnection } from "../site";

/**
 * What an importer gets that runs where the archive is: in a pod, or on a host. No secret. Both sides are of one version of
 * this program, since the program travels with it.
 */
const importRequest = z.object({
    registry: registryConnection,
    /** Files, folders or patterns there. */
    archive: z.array(z.string()),
    /** Of the lock that comes with it. */
    lockDigest: z.string(),
    /** What is wanted at the registry, as `formatImages` writes it. */
    images: imageText,
    /** Source references of images that were found broken. */
    suspects: z.array(z.string()),
    overrides: z.array(overrideSchema).optional(),
    /** Importers side by side. */
    shards: z.number().int().positive(),
    /** Blobs in flight, of all importers together. */
    concurrency: z.number().int().positive(),
    /** Nothing of the set was imported before. */
    isFirstImport: z.boolean(),
});

export type ImportRequest = Readonly<z.infer<typeof importRequest>>;

/** The account that pushes, and what connections need beside it. */
const importSecrets = z.object({
    credentials: z.object({ username: z.string(), password: z.string() }),
    connectionSecrets: connectionSecrets.optional(),
});

export type ImportSecrets = Readonly<z.infer<typeof importSecrets>>;

/** Reads what `JSON.stringify` made of a request. @throws PassthroughError `CONFIG_INVALID` */
export function parseRequest(text: string): ImportRequest {
    return parse(importRequest, text, "the request of the import");
}

/** @throws PassthroughError `CONFIG_INVALID`, which shows no value */
export function parseSecrets(text: string): ImportSecrets {
    return parse(importSecrets, text, "the account of the import");
}

function parse<T>(schema: z.ZodType<T>, text: string, thing: string): T {
    const parsed = schema.safeParse(parseBoundedJson(Buffer.from(text)));
    if (parsed.success) return parsed.data;
    const fix = "run `npm run up` again, which writes it again";
    throw new PassthroughError(schemaIssues(parsed.error), { code: "CONFIG_INVALID", thing, fix });
}
