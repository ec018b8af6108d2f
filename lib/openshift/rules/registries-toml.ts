import { parse, stringify } from "smol-toml";
import { z } from "zod";
import { schemaIssues } from "../../errors/schema-issues";
import { PassthroughError, errorMessage } from "../../errors/errors";
import type { RegistriesConf } from "./registries-conf";

/** The writer on the nodes spells unset strings as "", which means the same as leaving them out. */
const text = z
    .string()
    .transform((value) => (value === "" ? undefined : value))
    .optional();

const mirror = z.object({
    location: z.string().min(1),
    "pull-from-mirror": z
        .enum(["", "all", "digest-only", "tag-only"])
        .transform((value) => (value === "" ? undefined : value))
        .optional(),
    insecure: z.boolean().optional(),
});

const registry = z
    .object({
        prefix: text,
        location: text,
        blocked: z.boolean().optional(),
        insecure: z.boolean().optional(),
        "mirror-by-digest-only": z.boolean().optional(),
        mirror: z.array(mirror).optional(),
    })
    .refine((rule) => rule.prefix !== undefined || rule.location !== undefined, "it has neither prefix nor location");

const document = z.object({
    "unqualified-search-registries": z.array(z.string()).optional(),
    registry: z.array(registry).optional(),
});

/** The TOML text of a registries.conf, ending with a newline. */
export function formatRegistriesConf(conf: RegistriesConf): string {
    return `${stringify(conf).trimEnd()}\n`;
}

/**
 * Reads a registries.conf (version 2), as found on a node: keys that redirection does not depend on are left out, and
 * so are empty strings and settings without a value. Two files mean the same if what this gives is equal.
 * @throws PassthroughError `REGISTRIES_CONF_INVALID`, naming `place`
 */
export function parseRegistriesConf(toml: string, place: string): RegistriesConf {
    const parsed = document.safeParse(parseToml(toml, place));
    if (!parsed.success) {
        throw new PassthroughError(`not a registries.conf: ${schemaIssues(parsed.error)}`, {
            code: "REGISTRIES_CONF_INVALID",
            thing: place,
            fix: "compare it with containers-registries.conf(5)",
        });
    }
    return withoutUnset(parsed.data);
}

/** Unset optional keys must be absent, not undefined: what was parsed is compared, and written again. */
function withoutUnset<T extends object>(value: T): T {
    return JSON.parse(JSON.stringify(value)) as T;
}

function parseToml(toml: string, place: string): unknown {
    try {
        return parse(toml);
    } catch (cause) {
        throw new PassthroughError(`not TOML: ${errorMessage(cause)}`, {
            code: "REGISTRIES_CONF_INVALID",
            thing: place,
            fix: "correct the file",
            cause,
        });
    }
}
