import { z } from "zod";
import { PassthroughError } from "../../lib/errors/errors";
import { schemaIssues } from "../../lib/errors/schema-issues";
import { imageText, toImageMap } from "../../lib/import";
import { isDigest } from "../../lib/oci/digest";
import type { RecordedStack } from "../stack/recorded-stack";

// What the resources of dynamic-providers/ have in state, as far as the report needs it: never their secrets, which the
// state has encrypted. What a later version has added is optional.

const texts = z.array(z.string());
const images = z.union([imageText, z.record(z.string(), z.string().refine(isDigest))]).transform(toImageMap);
const registry = z.looseObject({ type: z.string(), mirrorBase: z.string() });

const access = z.object({ registry, version: z.string().optional() });
const imageImport = z.object({
    registry,
    archive: texts,
    lock: z.string(),
    lockDigest: z.string(),
    images,
    incomplete: texts,
    unseen: z.boolean().optional(),
    importedAt: z.string().optional(),
});
const validation = z.object({
    registry,
    images,
    marks: z.record(z.string(), z.enum(["tag-only", "rebuilt"])).default({}),
    registriesConf: z.string(),
    clusterVersion: z.string().optional(),
    summary: z.object({
        status: z.enum(["proven", "failing"]),
        images: z.number(),
        manifests: z.number(),
        blobs: z.number(),
        bytesRead: z.number(),
        whole: texts,
        digestOnly: texts,
        checkedAt: z.string(),
        account: z.string().optional(),
        failing: texts,
        signatures: z.object({ accepted: z.number(), refused: z.number(), unread: z.number() }).optional(),
    }),
});
const cluster = z.object({ cluster: z.string() });
const rollout = cluster.extend({
    rules: z.string(),
    forbidLater: texts.default([]),
    pools: z.array(z.object({ pool: z.string(), configuration: z.string(), nodes: z.number() })).default([]),
    behind: texts,
    rolledOutAt: z.string().optional(),
});
const coverage = cluster.extend({
    refused: z.array(z.object({ source: z.string(), total: z.number() })).default([]),
    counts: z.object({ at: z.string(), images: z.number(), missing: z.number(), unknown: z.number() }).optional(),
});
const proof = cluster.extend({
    registriesConf: z.string(),
    results: texts,
    provenAt: z.string().optional(),
    provenWith: z.string().optional(),
});
const signatures = cluster.extend({
    written: texts,
    accepted: z.number(),
    acceptedAt: z.string().optional(),
    behind: texts,
});
const pinned = cluster.extend({
    images: z.string(),
    pools: z.array(z.object({ pool: z.string(), nodes: z.number() })),
    filledAt: z.string().optional(),
    behind: texts,
});
const oldRules = cluster.extend({
    stages: z.record(z.string(), z.enum(["keep", "remove"])),
    doneAt: z.string().optional(),
});
const robot = z.object({ username: z.string(), createdAt: z.string(), expiresAt: z.string().optional() });
const robotAccount = z.object({
    role: z.enum(["importer", "puller"]),
    name: z.string(),
    robot,
    maxAge: z.number(),
    overlap: z.number().optional(),
    renewedAt: z.string().optional(),
    due: z.string().optional(),
    unproven: z.boolean().optional(),
    retiredRobots: z
        .array(
            z.object({
                name: z.string(),
                retiredAt: z.string(),
                expiresAt: z.string().optional(),
                gone: z.boolean().optional(),
                robot,
            }),
        )
        .default([]),
});
const retirement = z.object({
    users: z.array(z.object({ resource: z.string(), username: z.string() })),
    ended: texts.default([]),
    byHand: z.boolean().optional(),
});

type Named<T extends z.ZodType> = z.infer<T> & {
    /** Name of the resource. */
    readonly resource: string;
};

export type RecordedImport = z.infer<typeof imageImport> & {
    /** Of the set. */
    readonly name: string;
};
export type RecordedValidation = z.infer<typeof validation> & {
    /** "" for `site.cluster`. */
    readonly cluster: string;
};
export type RecordedRollout = z.infer<typeof rollout>;
export type RecordedCoverage = z.infer<typeof coverage>;
export type RecordedProof = z.infer<typeof proof>;
export type RecordedSignatures = z.infer<typeof signatures>;
export type RecordedPins = z.infer<typeof pinned>;
export type RecordedOldRules = z.infer<typeof oldRules>;
export type RecordedRobot = z.infer<typeof robotAccount>;
export type RecordedRetirement = z.infer<typeof retirement>;

/** What a stack's state has of a site, in the order of the state: that in which it was made. */
export interface RecordedSite {
    readonly access: z.infer<typeof access> | undefined;
    readonly imports: readonly RecordedImport[];
    readonly validations: readonly RecordedValidation[];
    readonly rollouts: readonly RecordedRollout[];
    readonly coverages: readonly RecordedCoverage[];
    readonly proofs: readonly RecordedProof[];
    readonly signatures: readonly RecordedSignatures[];
    readonly pins: readonly RecordedPins[];
    readonly oldRules: readonly RecordedOldRules[];
    readonly robots: readonly RecordedRobot[];
    readonly retirement: RecordedRetirement | undefined;
}

/**
 * The parts of a site in a stack's state. Resources that are only left over from a replacement are not among them.
 * @throws PassthroughError `STACK_STATE_UNAVAILABLE` for a resource that is not as this program writes it
 */
export function readRecordedSite({ resources }: RecordedStack): RecordedSite {
    const all = <T extends z.ZodType>(kind: string, shape: T): Named<T>[] =>
        resources
            .filter((resource) => resource.kind === kind && !resource.isLeftOver)
            .map(({ name, outputs }) => {
                const parsed = shape.safeParse(outputs);
                if (!parsed.success) throw unknownShape(kind, name, parsed.error);
                return { ...(parsed.data as object), resource: name } as Named<T>;
            });
    return {
        access: all("RegistryAccess", access)[0],
        imports: all("ImageImport", imageImport).map(({ resource, ...rest }) => ({ ...rest, name: resource })),
        validations: all("MirrorValidation", validation).map(({ resource, ...rest }) => ({
            ...rest,
            cluster: clusterOf(resource),
        })),
        rollouts: all("ClusterRollout", rollout),
        coverages: all("ClusterCoverage", coverage),
        proofs: all("ClusterProof", proof),
        signatures: all("ClusterSignatures", signatures),
        pins: all("ClusterPinnedImages", pinned),
        oldRules: all("ClusterOldRules", oldRules),
        robots: all("RobotAccount", robotAccount),
        retirement: all("RobotRetirement", retirement)[0],
    };
}

/** `validation`, or `validation-west`. */
function clusterOf(validation: string): string {
    return /^validation-(.+)$/.exec(validation)?.[1] ?? "";
}

/** Without values: what is not as it should be may be anything. */
function unknownShape(kind: string, name: string, error: z.ZodError): PassthroughError {
    return new PassthroughError(`it is not as this program writes it: ${schemaIssues(error)}`, {
        code: "STACK_STATE_UNAVAILABLE",
        thing: `${kind} ${name} in the state`,
        fix: "use the release of this program that wrote the state, or run `npm run up` with this one",
    });
}
