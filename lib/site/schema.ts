import { z } from "zod";
import { overrideSchema } from "../mirror/override";
import { archivePlaceKeys } from "./archive-place-keys";
import { clusterKeys, namedClusterKeys } from "./cluster-keys";
import { DNS_LABEL } from "./dns-label";
import { networkAccessKeys } from "./network-access-keys";
import { registryKeys } from "./registry-keys";
import { robotsKeys } from "./robot-keys";
import { signaturesKey } from "./signature-keys";
import { size } from "./units";

/*
 * Every key carries zod metadata: `description`, without a period at its end; `examples` as people write them; `fix`, the
 * imperative for a value that is wrong; `defaultText` where the default is not a constant; `typeText` where the schema does
 * not say what is accepted. `siteKeys` lists them for docs/configuration.md (`npm run docs:config`) and for messages,
 * `stackFileJsonSchema` converts them. Links are written as docs/registries.md#harbor.
 */

/** One set as it is configured. */
export const contentEntry = z.strictObject({
    archive: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).meta({
        description:
            "A file, a folder with all archives in it, a pattern (`*`, `?`, `**`), or a list of them, of any format " +
            "(docs/archives.md); together they are one set. Relative to the project's root, or absolute",
        examples: ["/mnt/transfer/2026-11"],
        fix: "write a path, or a list of paths",
    }),
    lock: z
        .string()
        .min(1)
        .meta({
            description: "The lock file of the set, committed to git. The name of the file is the name of the set",
            examples: ["content/2026-11.lock.json"],
            fix: "write the path of a lock file",
        }),
    overrides: z
        .array(overrideSchema)
        .optional()
        .meta({
            description:
                "The upstream of images whose archive does not name one, or names two. The first entry that matches counts " +
                "(docs/archives.md#names)",
            examples: [[{ match: "ubi9/**", registry: "registry.access.redhat.com" }]],
            defaultText: "none",
            fix: "write a list of {match, registry, repository?, tag?}",
        }),
    exclude: z
        .array(z.string().min(1))
        .optional()
        .meta({
            description:
                "Images of the archive that are left out: patterns over their upstream names, as `host/path`, " +
                "`host/path:tag` or `host/path@digest` (docs/archives.md#excluded-images). Lock the set again after a change",
            examples: [["quay.io/org/app:1.0", "registry.redhat.io/rhel9/**"]],
            defaultText: "none",
            fix: "write a list of patterns, as in [quay.io/org/app:1.0, registry.redhat.io/rhel9/**]",
        }),
    at: archivePlaceKeys.optional().meta({
        description: "Where the archive is, and imported, if not on the machine that runs the program",
        fix: "write at: {cluster: {namespace, claim}} or at: {host: {address, user, hostKey, privateKeyFile}}",
    }),
});

/** How images are sent, as it is configured. */
export const transferKeys = z.strictObject({
    concurrency: z
        .number()
        .int()
        .min(1)
        .max(64)
        .default(32)
        .meta({
            description:
                "The most blobs that are uploaded at the same time. How many there are is found out: as many as bring more, and " +
                "as the registry puts up with",
            examples: [12],
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
                "The most requests in flight to the registry host, uploads included, over the whole run. How many there are is " +
                "found out (docs/reliability.md#how-many-at-once). A `Retry-After` holds back every request",
            examples: [48],
            defaultText: "64, or concurrency + 8 if that is more",
            fix: "write a whole number from 1 to 256",
        }),
    maxBody: size()
        .optional()
        .meta({
            description:
                "The largest request body that the registry, or a proxy in front of it, accepts. Larger blobs are sent in chunks. " +
                "Without it, the limit is found out when the first blob is rejected (413)",
            exampleText: "50MB",
            defaultText: "no limit is known",
            fix: "write a size in quotes, as in 50MB or 1MiB",
        }),
    retrySeconds: z
        .number()
        .min(0)
        .max(3600)
        .default(60)
        .meta({
            description: "For how many seconds a request that fails is repeated before it is given up",
            examples: [300],
            fix: "write a number of seconds from 0 to 3600",
        }),
});

/** How the mirror is validated, as it is configured. */
export const validationKeys = z.strictObject({
    wholeImages: z
        .number()
        .int()
        .min(0)
        .default(3)
        .meta({
            description:
                "How many images each validation reads byte for byte. Of every other image it reads the manifests, and checks that " +
                "each blob exists with its size",
            examples: [10],
            fix: "write a whole number, 0 or more",
        }),
});

/** What happens to images that no set lists any more, as it is configured. */
export const onRemoveKey = z
    .enum(["keep", "delete"])
    .default("keep")
    .meta({
        description:
            "What happens to images in the registry when no set lists them any more, or when the stack is destroyed: they stay " +
            "(`keep`), or they are deleted (`delete`). See docs/configuration.md#removing-images",
        examples: ["delete"],
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
                description: "Upstream hosts that content may come from. Content of any other host stops the preview",
                examples: [["quay.io", "registry.redhat.io"]],
                defaultText: "the registries of docs/configuration.md#default-upstreams",
                fix: "write a list of hosts, as in [quay.io, registry.redhat.io]",
            }),
        content: z
            .array(contentEntry)
            .default([])
            .meta({
                description:
                    "Sets in the order in which they were created. Where two sets have the same tag, the tag points to the " +
                    "image of the later set; the image of the earlier one is kept by its digest",
                examples: [[{ archive: "/mnt/transfer/2026-11", lock: "content/2026-11.lock.json" }]],
                defaultText: "none",
                fix: "write a list of {archive, lock}",
            }),
        cluster: clusterKeys
            .optional()
            .meta({ description: "The clusters that pull, if all have one version and one policy" }),
        clusters: z
            .record(z.string().regex(DNS_LABEL, "a name must be a label of RFC 1123"), namedClusterKeys)
            .optional()
            .meta({
                description:
                    "Several clusters in place of `cluster`, by a name for each: lowercase letters, digits and `-`. Each has its own " +
                    "rules, and its own secret `kubeconfig-<name>`",
                examples: [{ east: { version: "4.18.20" }, west: { version: "4.16.45" } }],
                defaultText: "none",
                typeText: "names with the keys of a cluster",
                fix: "write {name: {version, …}, …}; a name has lowercase letters, digits and -, as in east-1",
            }),
        signatures: signaturesKey.optional().meta({
            description:
                "Policies on signatures, each by the name of its ClusterImagePolicy or ImagePolicy: nodes of 4.20 and later refuse images of a " +
                "policy's scopes that are not signed as it says (docs/how-to/signatures.md)",
            examples: [
                {
                    team1: {
                        scopes: ["quay.io/team1"],
                        policy: { rootOfTrust: { policyType: "PublicKey", publicKey: { keyFile: "keys/team1.pub" } } },
                    },
                },
            ],
            defaultText: "none",
            typeText: "names with the keys of a policy",
            fix: "write {name: {scopes, policy}, …}; a name has lowercase letters, digits, - and .",
        }),
        networkAccess: networkAccessKeys.optional().meta({
            description:
                "Who may reach the registry: `passthrough render` writes files for firewalls (docs/outputs.md#files-for-firewalls)",
            fix: "write networkAccess: {nodes: [<address or range>, …]}",
        }),
        transfer: transferKeys
            .default({ concurrency: 32, retrySeconds: 60 })
            .meta({ description: "How images are sent" }),
        onRemove: onRemoveKey,
        validation: validationKeys.default({ wholeImages: 3 }).meta({ description: "How the mirror is validated" }),
        robots: robotsKeys.optional().meta({
            description: "Robot accounts. Only for registries that have them: Harbor, Quay, mirror-registry, JFrog",
        }),
    })
    .meta({
        description: "One site: its registry, its content, its clusters",
        fix: "write registry-passthrough:site, as in docs/configuration.md",
    });

export type SiteDocument = z.infer<typeof siteSchema>;
export type ContentDocument = z.infer<typeof contentEntry>;
