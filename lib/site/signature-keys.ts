import { z } from "zod";
import { OBJECT_NAME } from "../openshift";
import { DNS_LABEL } from "./dns-label";

/*
 * The `spec` of a ClusterImagePolicy (config.openshift.io/v1), so that one can be pasted here. What its fields mean:
 * docs/how-to/signatures.md.
 */

const nameOfPolicy = z.string().regex(OBJECT_NAME, "a name must be a DNS subdomain name of RFC 1123");
const repository = (what: string, fix: string) =>
    z
        .string()
        .min(1)
        .max(512)
        .meta({ description: what, examples: ["quay.io/team1"], fix });

const remapIdentity = z
    .strictObject({
        prefix: repository(
            "The part of upstream names that is replaced: a host, a namespace or a repository",
            "write a host with or without a path, as in quay.io/team1",
        ),
        signedPrefix: repository(
            "What stands in its place in signatures",
            "write a host with or without a path, as in registry.vendor.example.com/team1",
        ),
    })
    .optional()
    .meta({
        description: "With `RemapIdentity`: images were signed under names that begin otherwise",
        defaultText: "none",
        fix: "write {prefix, signedPrefix}",
    });

const exactRepository = z
    .strictObject({
        repository: repository(
            "The one repository that signatures must name",
            "write host/path without tag and digest, as in quay.io/team1/app",
        ),
    })
    .optional()
    .meta({
        description: "With `ExactRepository`: images of any name were signed under this one",
        defaultText: "none",
        fix: "write {repository}",
    });

const signedIdentity = z
    .strictObject({
        matchPolicy: z.enum(["MatchRepoDigestOrExact", "MatchRepository", "ExactRepository", "RemapIdentity"]).meta({
            description:
                "Which name a signature must carry. cosign signs the bare repository by default, which only `MatchRepository`, " +
                "`ExactRepository` accept",
            examples: ["MatchRepository"],
            fix: "write MatchRepoDigestOrExact, MatchRepository, ExactRepository or RemapIdentity",
        }),
        exactRepository,
        remapIdentity,
    })
    .optional()
    .meta({
        description: "The name that a signature must carry, compared with the upstream name of the image",
        defaultText: "MatchRepoDigestOrExact",
        fix: "write {matchPolicy: …}",
    });

const publicKey = z
    .strictObject({
        keyFile: z
            .string()
            .min(1)
            .optional()
            .meta({
                description: "PEM file with the public key, relative to the project's root or absolute",
                examples: ["keys/team1.pub"],
                defaultText: "none: keyData is set",
                fix: "write the path of a PEM file",
            }),
        keyData: z
            .string()
            .min(1)
            .optional()
            .meta({
                description: "The PEM text of the public key as base64, as ClusterImagePolicy has it",
                examples: ["LS0tLS1CRUdJTiBQVUJMSUMgS0VZLS0tLS0K…"],
                defaultText: "none: keyFile is set",
                fix: "write base64 of a PEM text, or name the file in keyFile",
            }),
    })
    .optional()
    .meta({
        description: "The public key of whoever signs: ECDSA, RSA or Ed25519. `PublicKey` needs it",
        defaultText: "none",
        fix: "write {keyFile: <PEM file>}",
    });

/** The policies of a site, as they are configured. */
export const signaturesKey = z.record(
    nameOfPolicy,
    z.strictObject({
        scopes: z
            .array(z.string().min(1).max(512))
            .min(1)
            .max(256)
            .meta({
                description:
                    "Images that must be signed, by their upstream names: images, repositories, namespaces, hosts, or " +
                    "`*.<domain>`. The most specific scope that covers an image decides alone",
                examples: [["quay.io/team1", "registry.example.com"]],
                fix: "write a list of scopes, as in [quay.io/team1]",
            }),
        policy: z
            .strictObject({
                rootOfTrust: z
                    .strictObject({
                        policyType: z.enum(["PublicKey", "FulcioCAWithRekor", "PKI"]).meta({
                            description:
                                "How images are signed. Only `PublicKey` is supported: what nodes make of certificates cannot " +
                                "be verified by this program, so the other types are refused",
                            examples: ["PublicKey"],
                            fix: "write PublicKey",
                        }),
                        publicKey,
                    })
                    .meta({
                        description: "Who must have signed",
                        fix: "write {policyType: PublicKey, publicKey: {keyFile: …}}",
                    }),
                signedIdentity,
            })
            .meta({ description: "What is required of signatures", fix: "write {rootOfTrust, signedIdentity}" }),
        namespaces: z
            .array(z.string().regex(DNS_LABEL, "a namespace must be a label of RFC 1123"))
            .min(1)
            .optional()
            .meta({
                description:
                    "Namespaces whose pods the policy is for: an ImagePolicy in each of them, in place of one ClusterImagePolicy. " +
                    "The namespaces must exist. A scope that a ClusterImagePolicy covers has no effect there " +
                    "(docs/how-to/signatures.md#policies-for-namespaces)",
                examples: [["team1-prod", "team1-test"]],
                defaultText: "none: pods of all namespaces",
                fix: "write a list of namespaces, as in [team1-prod]",
            }),
        beforePush: z
            .enum(["warn", "refuse"])
            .default("warn")
            .meta({
                description:
                    "What `up` and `passthrough import` do before they push images that nodes will refuse by this policy, or of " +
                    "which that cannot be found out: they name them (`warn`), or push nothing of their set and fail (`refuse`)",
                examples: ["refuse"],
                fix: "write warn or refuse",
            }),
    }),
);

export type SignaturesDocument = z.infer<typeof signaturesKey>;
