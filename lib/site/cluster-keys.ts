import { z } from "zod";
import { CLUSTER_FUNCTIONS, OLD_OBJECT_KEY, OLD_OBJECT_STAGES, PROBE_NAMESPACE, TARGETS } from "../openshift";
import { DNS_LABEL } from "./dns-label";
import { OBJECT_GROUPS } from "./object-groups";

/** Every cluster has them. */
export const PINNED_POOLS: readonly string[] = ["master", "worker"];

const MAX_ROLLOUT_MINUTES = 7 * 24 * 60;

/** The clusters that pull, as they are configured. */
export const clusterKeys = z.strictObject({
    version: z
        .string()
        .optional()
        .meta({
            description:
                "OpenShift version of the clusters. Up to 4.12 the mirror rules are an ICSP, from 4.13 an IDMS and an ITMS",
            examples: ["4.18", "4.18.20"],
            defaultText: "treated as newer than every version that a rule depends on",
            // Without quotes, 4.20 is the number 4.2 to YAML.
            fix: 'write it in quotes, as in "4.20"',
        }),
    contactSource: z
        .enum(["allow", "never"])
        .default("allow")
        .meta({
            description:
                "Whether nodes may pull from the upstream registry what the mirror does not have (`allow`), or never contact it (`never`)",
            examples: ["never"],
            fix: "write allow or never",
        }),
    targets: z
        .array(z.enum(TARGETS))
        .optional()
        .meta({
            description:
                "What else pulls from the mirror, besides running OpenShift clusters: `passthrough render` writes files for each " +
                "(docs/outputs.md#files-for-other-targets), and a preview says what a target cannot express",
            examples: [["install-config", "containerd"]],
            defaultText: "none",
            fix: `write a list of: ${TARGETS.join(", ")}`,
        }),
    apply: z
        .strictObject({
            kubeconfigFile: z
                .string()
                .min(1)
                .optional()
                .meta({
                    description:
                        "Path of a kubeconfig, relative to the project's root or absolute; the files that it names become part of the " +
                        "stack's secrets (docs/configuration.md#access-to-clusters)",
                    examples: ["/home/ci/.kube/site-a"],
                    defaultText: "the secret kubeconfig",
                    fix: "write the path of a kubeconfig",
                }),
            context: z
                .string()
                .min(1)
                .optional()
                .meta({
                    description: "The context of the kubeconfig",
                    examples: ["site-a"],
                    defaultText: "its current-context",
                    fix: "write the name of one of its contexts",
                }),
            leaveOut: z
                .array(z.enum(OBJECT_GROUPS))
                .optional()
                .meta({
                    description: "Objects that are not written to the cluster, by the names of their stack outputs",
                    examples: [["updateService"]],
                    defaultText: "none: everything that the content has is written",
                    fix: `write a list of: ${OBJECT_GROUPS.join(", ")}`,
                }),
        })
        .optional()
        .meta({
            description:
                "Has the program write to the cluster. `{}` takes the kubeconfig from the stack's secrets. Without it, the objects are " +
                "outputs and files only",
            defaultText: "none: nothing is written to the cluster",
            fix: "write {}, or {kubeconfigFile, context}",
        }),
    adopt: z
        .boolean()
        .default(false)
        .meta({
            description:
                "Whether objects that exist in the cluster, and do not belong to this stack, may be taken over",
            examples: [true],
            fix: "write true or false",
        }),
    allowRemoval: z
        .boolean()
        .default(false)
        .meta({
            description:
                "Whether the mirror rules and the entry in the pull secret may be removed from the cluster. Without them its nodes " +
                "cannot pull what only the mirror has",
            examples: [true],
            fix: "write true or false",
        }),
    oldRules: z
        .record(z.string().regex(OLD_OBJECT_KEY, "not <kind>/<name> of a mirror object"), z.enum(OLD_OBJECT_STAGES))
        .optional()
        .meta({
            description:
                "Mirror objects of others that ours replace, as `<kind>/<name>`: `keep` leaves them, and a preview says what only they " +
                "serve; `remove` removes them when ours serve all images in use, and `keep` then creates them again " +
                "(docs/how-to/migrate.md). Needs `apply`",
            examples: [
                { "ImageDigestMirrorSet/idms-operator-0": "keep", "ImageContentSourcePolicy/operator-0": "remove" },
            ],
            typeText: "names of mirror objects, each with `keep` or `remove`",
            defaultText: "none: objects of others stay as they are",
            fix: "write a map such as {ImageDigestMirrorSet/idms-operator-0: keep}, with keep or remove",
        }),
    coverage: z
        .strictObject({
            check: z
                .boolean()
                .default(true)
                .meta({
                    description:
                        "Whether `preview` and `up` look up the images that the cluster's objects name. Without it, `contactSource: " +
                        "never` takes effect whatever the mirror lacks",
                    examples: [false],
                    fix: "write true or false",
                }),
            accept: z
                .array(z.string().min(1))
                .optional()
                .meta({
                    description:
                        "Images that the mirror may lack although the cluster's objects name them: patterns over their upstream " +
                        "names, as `host/path`, `host/path:tag` or `host/path@digest`. After `contactSource: never` no node can pull " +
                        "them",
                    examples: [["quay.io/org/app:1.0", "docker.io/team/**"]],
                    defaultText: "none",
                    fix: "write a list of patterns, as in [quay.io/org/app:1.0, docker.io/team/**]",
                }),
        })
        .optional()
        .meta({
            description:
                "What is required of the images that the cluster's objects name, where the program writes to the cluster " +
                "(docs/how-to/coverage.md#in-preview-and-up)",
            defaultText: "they are looked up, and none may be missing",
            fix: "write {check, accept}",
        }),
    rollout: z
        .strictObject({
            wait: z
                .boolean()
                .default(true)
                .meta({
                    description:
                        "Whether `up` waits until every node has the mirror rules. Without it, `up` ends when the cluster's operator " +
                        "has taken them, also while pools are paused; CA and account are waited for in any case",
                    examples: [false],
                    fix: "write true or false",
                }),
            minutes: z
                .number()
                .int()
                .min(1)
                .max(MAX_ROLLOUT_MINUTES)
                .optional()
                .meta({
                    description:
                        "Minutes that `up` waits at most until every node has CA and account, and again until every node has the " +
                        "mirror rules. After that it fails, and the next `up` continues to wait",
                    examples: [240],
                    defaultText: "15 for each node of the largest pool, and at least 60",
                    fix: `write a whole number of minutes, from 1 to ${MAX_ROLLOUT_MINUTES} (a week)`,
                }),
        })
        .optional()
        .meta({
            description:
                "Whether `up` waits for the nodes of the cluster, where the program writes to it, and for how long " +
                "(docs/how-to/cluster.md#waiting-for-nodes)",
            defaultText: "it waits until every node has what was written",
            fix: "write {wait, minutes}",
        }),
    proof: z
        .strictObject({
            namespace: z
                .string()
                .regex(DNS_LABEL, "a namespace must be a label of RFC 1123")
                .optional()
                .meta({
                    description:
                        "The namespace of the pods. One that exists is never removed; another one is created, and removed after the proof",
                    examples: ["registry-checks"],
                    defaultText: PROBE_NAMESPACE,
                    fix: "write the name of a namespace, as in registry-checks",
                }),
            rerun: z
                .string()
                .min(1)
                .optional()
                .meta({
                    description: "Any text: with another one, the next `up` proves again what has not changed",
                    examples: ["2026-11-29"],
                    defaultText: "the proof is repeated when rules, account, registry or CA have changed",
                    fix: "write a text, as in 2026-11-29",
                }),
        })
        .optional()
        .meta({
            description:
                "Has a node of each pool pull test images that only the mirror has, after the rules are on all nodes, and fails `up` " +
                "if one does not (docs/how-to/prove-pulls.md). Needs `apply`",
            defaultText: "none: no pod is created in the cluster",
            fix: "write {}, or {namespace, rerun}",
        }),
    pin: z
        .union([
            z.boolean(),
            z.strictObject({
                pools: z
                    .array(z.string().regex(DNS_LABEL, "the name of a pool must be a label of RFC 1123"))
                    .min(1)
                    .optional()
                    .meta({
                        description:
                            "The machine config pools whose nodes pin images. Custom pools get the images of `worker` as well, whose " +
                            "configuration they share",
                        examples: [["worker"]],
                        defaultText: PINNED_POOLS.join(" and "),
                        fix: "write a list of pools, as in [worker]",
                    }),
                images: z
                    .array(z.string().min(1))
                    .min(1)
                    .optional()
                    .meta({
                        description:
                            "Which images are pinned, where nodes have no room for all of them: patterns over their upstream names, as " +
                            "`host/path`, `host/path:tag` or `host/path@digest`",
                        examples: [["quay.io/org/*", "registry.redhat.io/ubi9/**"]],
                        defaultText: "all images of the content that nodes can use, at most 1000",
                        fix: "write a list of patterns, as in [quay.io/org/*, registry.redhat.io/ubi9/**]",
                    }),
            }),
        ])
        .default(false)
        .meta({
            description:
                "Whether nodes pull the images beforehand and keep them, so that pods start while the registry cannot be reached. " +
                "Needs OpenShift 4.19.12. With `apply`, `up` waits until every node has them, and `contactSource: never` waits " +
                "for it too (docs/how-to/pin-images.md)",
            examples: [true],
            typeText: "`true`, `false`, or an object with the keys below",
            fix: "write true, false, or {pools, images}",
        }),
    signaturePolicies: z
        .boolean()
        .default(false)
        .meta({
            description:
                "Whether `up` writes the policies of `site.signatures` to the cluster (4.20 and later), after everything else, and " +
                "only if the mirror has acceptable signatures of all images under them " +
                "(docs/how-to/signatures.md#give-the-policies-to-clusters). Needs `apply`",
            examples: [true],
            fix: "write true or false",
        }),
    roles: z
        .array(z.enum(CLUSTER_FUNCTIONS))
        .optional()
        .meta({
            description:
                "What this program does at the clusters: `passthrough render` writes a role for each, with the rights that it needs " +
                "and no others (docs/how-to/cluster-access.md)",
            examples: [["preview", "coverage"]],
            defaultText: "none",
            fix: `write a list of: ${CLUSTER_FUNCTIONS.join(", ")}`,
        }),
});

/** A cluster among several, as it is configured. */
export const namedClusterKeys = clusterKeys.omit({ targets: true });
