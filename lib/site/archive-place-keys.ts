import { z } from "zod";
import { DNS_LABEL } from "./dns-label";
import { hostKeys } from "./host-keys";

const clusterPlace = z.strictObject({
    name: z
        .string()
        .optional()
        .meta({
            description: "The cluster: a name in `site.clusters`. It needs `apply`",
            examples: ["east"],
            defaultText: "site.cluster",
            fix: "write a name in site.clusters, or leave it out",
        }),
    namespace: z
        .string()
        .regex(DNS_LABEL, "a namespace must be a label of RFC 1123")
        .meta({
            description: "The namespace of the claim, in which the Job runs too",
            examples: ["transfer"],
            fix: "write the namespace of the PersistentVolumeClaim",
        }),
    claim: z
        .string()
        .min(1)
        .meta({
            description:
                "The PersistentVolumeClaim with the archive. It is mounted read-only; `archive` is a path in it, and a claim that " +
                "only one node may mount keeps all pods on one node",
            examples: ["archives"],
            fix: "write the name of a PersistentVolumeClaim",
        }),
    shards: z
        .number()
        .int()
        .min(1)
        .max(32)
        .default(1)
        .meta({
            description:
                "Pods that import side by side, each a part of the bytes. Together they keep `transfer.concurrency` and " +
                "`transfer.requests`, so there can be no more of them than those allow",
            examples: [3],
            fix: "write a whole number from 1 to 32",
        }),
    runAsUser: z
        .number()
        .int()
        .min(1)
        .optional()
        .meta({
            description:
                "User and group number of the pods, which must be able to read the archive. On OpenShift leave it out",
            examples: [1000],
            defaultText: "assigned by the cluster, else 65534",
            fix: "write a whole number above 0",
        }),
});

/** As every host, but that its user needs no rights of root. */
const hostPlace = hostKeys.extend({
    user: hostKeys.shape.user.meta({
        description: "The user who logs in, and who may read the archive. It needs no rights of root",
        examples: ["importer"],
        fix: "write the name of a user of the host",
    }),
});

/** Where an archive is, if not on the machine that runs the program, as it is configured. */
export const archivePlaceKeys = z.strictObject({
    cluster: clusterPlace.optional().meta({
        description: "On a volume in a cluster: pods of a Job import it (docs/how-to/import-in-the-cluster.md)",
        fix: "write cluster: {namespace, claim}",
    }),
    host: hostPlace.optional().meta({
        description:
            "On a host, as that of the registry: the importer runs there over SSH (docs/how-to/import-in-the-cluster.md#on-a-host)",
        fix: "write host: {address, user, hostKey}",
    }),
});
