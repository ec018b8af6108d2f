import { z } from "zod";
import { overrideSchema } from "../mirror/override";
import { OFFERED_KINDS } from "../registries";
import { days, size } from "./units";

/*
 * Every key carries zod metadata: `description`; `examples` as people write them; `fix`, the imperative for a value that
 * is wrong; `defaultText` where the default is no constant. `siteKeys` lists them, `siteJsonSchema` converts them.
 */

/** One image set as it is configured. */
export const contentEntry = z.strictObject({
    archive: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).meta({
        description:
            "A file, a folder with all archives in it, a pattern (`*`, `?`, `**`), or a list of them; together they are one " +
            "set. Relative to the project's root, or absolute",
        examples: ["/mnt/transfer/2026-11"],
        fix: "write a path, or a list of paths",
    }),
    lock: z
        .string()
        .min(1)
        .meta({
            description: "The set's lock file, committed. Its name is the name of the set",
            examples: ["content/2026-11.lock.json"],
            fix: "write the path of a lock file",
        }),
    overrides: z.array(overrideSchema).optional().meta({
        description:
            "The upstream of images whose archive does not name one, or names two; the first entry that matches counts",
        defaultText: "none",
        fix: "write a list of {match, registry, repository?, tag?}",
    }),
});

/** Where the registry is, as it is configured. */
export const registryKeys = z.strictObject({
    type: z.enum(OFFERED_KINDS).meta({
        description: "The kind of registry; `distribution` is any plain OCI registry",
        examples: ["distribution"],
        fix: `write one of: ${OFFERED_KINDS.join(", ")}`,
    }),
    mirrorBase: z
        .string()
        .min(1)
        .meta({
            description:
                "`host[:port]/path`. Images are stored at `<mirrorBase>/<upstream-host>/<path>`. Where the registry has projects " +
                "or organizations, the path is the name of one",
            examples: ["registry.site-a.example:8443/mirror"],
            fix: "write host[:port]/path, as in registry.site-a.example:8443/mirror",
        }),
    ca: z
        .string()
        .min(1)
        .optional()
        .meta({
            description:
                "PEM file of the CA that issued the registry's certificate; trusted in addition to the public ones",
            examples: ["certs/site-a-ca.pem"],
            defaultText: "public CAs only",
            fix: "give the PEM file of the CA that issued the registry's certificate",
        }),
    plainHttp: z.boolean().optional().meta({
        description: "HTTP without TLS, on loopback only",
        defaultText: "false",
        fix: "write true or false",
    }),
    adopt: z.boolean().optional().meta({
        description: "Whether a project or organization that already exists, and is not empty, may be taken over",
        defaultText: "false",
        fix: "write true or false",
    }),
    quota: size()
        .optional()
        .meta({
            description:
                "Storage quota of the project, decimal (`500GB`) or binary (`2TiB`); Harbor only, needs a system administrator",
            examples: ["500GB", "2TiB"],
            defaultText: "the registry's own",
            fix: "write a size in quotes, as in 500GB or 2TiB",
        }),
});

/** How images are sent, as it is configured. */
export const transferKeys = z.strictObject({
    concurrency: z.number().int().min(1).max(64).default(6).meta({
        description: "Number of blobs uploaded at the same time",
        fix: "write a whole number from 1 to 64",
    }),
    requests: z
        .number()
        .int()
        .min(1)
        .max(256)
        .optional()
        .meta({
            description:
                "Number of requests in flight to the registry host, uploads included, over the whole run; halved on 429, 5xx and " +
                "lost connections, then raised again one by one",
            defaultText: "24, or concurrency + 8 if that is more",
            fix: "write a whole number from 1 to 256",
        }),
    retrySeconds: z.number().min(0).max(3600).default(60).meta({
        description: "How long one request may keep failing before it is given up, in seconds",
        fix: "write a number of seconds from 0 to 3600",
    }),
});

/** The clusters that pull, as they are configured. */
export const clusterKeys = z.strictObject({
    version: z
        .string()
        .optional()
        .meta({
            description: "OpenShift version: decides between an ICSP (up to 4.12) and IDMS + ITMS",
            examples: ["4.18.20", "4.18"],
            defaultText: "the newest",
            // Without quotes, 4.20 is the number 4.2 to YAML.
            fix: 'write it in quotes, as in "4.20"',
        }),
    contactSource: z.enum(["allow", "never"]).default("allow").meta({
        description: "Whether nodes may pull from the upstream registry what the mirror lacks",
        fix: "write allow or never",
    }),
});

/** How the mirror is validated, as it is configured. */
export const validationKeys = z.strictObject({
    wholeImages: z.number().int().min(0).default(3).meta({
        description:
            "Number of images that each validation reads byte for byte; all are checked by manifest tree and blobs",
        fix: "write a whole number, 0 or more",
    }),
});

/** Robot accounts, as they are configured. */
export const robotsKeys = z.strictObject({
    importer: z
        .strictObject({
            maxAge: days(1).prefault("30d").meta({
                description: "Lifetime of the account that pushes; it is replaced after two thirds of it",
                fix: "write a number of days, as in 30d",
            }),
        })
        .prefault({})
        .meta({ description: "The robot account that pushes" }),
    puller: z
        .strictObject({
            maxAge: days(1).prefault("90d").meta({
                description: "Lifetime of the account that clusters pull with; it is replaced after two thirds of it",
                fix: "write a number of days, as in 90d",
            }),
            overlap: days(0)
                .optional()
                .meta({
                    description:
                        "How long a replaced account stays valid, for clusters that still have it in their pull secret; the first " +
                        "`up` after that deletes it. Harbor: at most a third of `maxAge`, since the account expires then",
                    examples: ["7d"],
                    defaultText: "7d, or a third of maxAge if that is less",
                    fix: "write a number of days, as in 7d",
                }),
        })
        .prefault({})
        .meta({ description: "The robot account that clusters pull with" }),
});

/** What happens to images that no set lists any more, as it is configured. */
export const onRemoveKey = z.enum(["keep", "delete"]).default("keep").meta({
    description: "What happens to images in the registry that no set lists any more, also when the stack is destroyed",
    fix: "write keep or delete",
});

/** A site as people write it: `registry-passthrough:site`, merged over `registry-passthrough:defaults`. */
export const siteSchema = z
    .strictObject({
        registry: registryKeys.meta({
            description: "The registry that images are mirrored to",
            fix: "write registry: {type: distribution, mirrorBase: …}",
        }),
        upstreams: z
            .array(z.string().min(1))
            .optional()
            .meta({
                description: "Upstream hosts that content may come from; content of any other host stops the preview",
                examples: [["quay.io", "registry.redhat.io"]],
                defaultText: "the registries of the named list",
                fix: "write a list of hosts, as in [quay.io, registry.redhat.io]",
            }),
        content: z
            .array(contentEntry)
            .default([])
            .meta({
                description:
                    "Image sets in the order they were created. Where two sets have the same tag, the later set has it; the image " +
                    "of the earlier one is kept by its digest",
                defaultText: "none",
                fix: "write a list of {archive, lock}",
            }),
        cluster: clusterKeys.default({ contactSource: "allow" }).meta({ description: "The clusters that pull" }),
        transfer: transferKeys
            .default({ concurrency: 6, retrySeconds: 60 })
            .meta({ description: "How images are sent" }),
        onRemove: onRemoveKey,
        validation: validationKeys.default({ wholeImages: 3 }).meta({ description: "How the mirror is validated" }),
        robots: robotsKeys.optional().meta({ description: "Robot accounts, where the registry has them" }),
    })
    .meta({
        description: "One site: its registry, its content, its clusters",
        fix: "write registry-passthrough:site, as in docs/configuration.md",
    });

export type SiteDocument = z.infer<typeof siteSchema>;
export type ContentDocument = z.infer<typeof contentEntry>;
