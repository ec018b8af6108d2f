import { z } from "zod";
import { size } from "./units";

/** A bucket with the content of a registry that the program runs, as it is configured. */
const bucketKeys = z.strictObject({
    endpoint: z
        .string()
        .min(1)
        .meta({
            description:
                "URL of the server, with `https`, that pods of the cluster reach. Its name is resolved in the cluster, so that it may " +
                "be that of a Service",
            examples: ["https://s3.site-a.example:9000"],
            fix: "write https://host[:port]",
        }),
    bucket: z
        .string()
        .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "a bucket has 3 to 63 lowercase letters, digits, dots and hyphens")
        .meta({
            description: "The bucket, which must exist. It cannot change: the content would stay where it is",
            examples: ["registry"],
            fix: "write the name of a bucket",
        }),
    region: z
        .string()
        .min(1)
        .default("us-east-1")
        .meta({
            description: "Its region, as requests are signed for it. Many servers have the default one alone",
            examples: ["eu-central-1"],
            fix: "write the name of a region",
        }),
    prefix: z
        .string()
        .regex(/^[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/, "a prefix has names between slashes, and no slash at its ends")
        .optional()
        .meta({
            description: "Folder in the bucket that the content is in. It cannot change, as the bucket",
            examples: ["site-a"],
            defaultText: "none: the content begins at the top",
            fix: "write names between slashes, as in site-a or mirrors/site-a",
        }),
    ca: z
        .string()
        .min(1)
        .optional()
        .meta({
            description: "PEM file of the CA that issued the server's certificate. Public CAs are not trusted then",
            examples: ["certs/s3-ca.pem"],
            defaultText: "public CAs",
            fix: "give the PEM file of the CA that issued the server's certificate",
        }),
    forcePathStyle: z
        .boolean()
        .default(true)
        .meta({
            description:
                "Whether the bucket is the first part of the path, and not of the host's name. distribution 2.8 always does it so",
            examples: [false],
            fix: "write true or false",
        }),
});

/** Where a registry that the program runs has its content, as it is configured. */
export const storageKeys = z.strictObject({
    size: size().optional().meta({
        description:
            "Size of the volume with the content. It may grow, where its storage class lets it, and never shrinks",
        exampleText: "500GiB",
        defaultText: "none: required without `s3`",
        fix: "write a size in quotes, as in 500GiB",
    }),
    storageClass: z
        .string()
        .min(1)
        .optional()
        .meta({
            description:
                "Its storage class. It cannot change. Files must be kept when a node is lost: no local volumes",
            examples: ["ocs-storagecluster-ceph-rbd"],
            defaultText: "the default one of the cluster",
            fix: "write the name of a StorageClass",
        }),
    s3: bucketKeys.optional().meta({
        description:
            "A bucket of a server with the S3 API, in place of a volume. Its account is storageAccessKey and storageSecretKey " +
            "(docs/how-to/deploy-in-a-cluster.md#a-bucket)",
        fix: "write s3: {endpoint, bucket}",
    }),
});
