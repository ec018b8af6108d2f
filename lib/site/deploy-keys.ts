import { z } from "zod";
import { EXPOSURES } from "../openshift/deployed-registry";
import { hostDeployKeys } from "./host-deploy-keys";
import { DNS_LABEL } from "./dns-label";
import { installerDeployKeys } from "./installer-keys";
import { storageKeys } from "./storage-keys";

/** A plain registry that the program runs in a cluster, as it is configured. */
const clusterDeployKeys = z.strictObject({
    name: z
        .string()
        .optional()
        .meta({
            description: "The cluster that it runs in: a name in `site.clusters`. The cluster needs `apply`",
            examples: ["east"],
            defaultText: "site.cluster",
            fix: "write a name in site.clusters, or leave it out",
        }),
    namespace: z
        .string()
        .regex(DNS_LABEL, "a namespace must be a label of RFC 1123")
        .default("registry-passthrough")
        .meta({
            description:
                "The namespace of the registry. It is created, with PodSecurity `restricted` enforced, if it does not exist. It cannot " +
                "change: the content would stay where it is",
            examples: ["mirror-registry"],
            fix: "write lowercase letters, digits and -",
        }),
    image: z
        .string()
        .min(1)
        .meta({
            description:
                "The image of [distribution](https://github.com/distribution/distribution), 2.8 or 3, by digest: at a registry that " +
                "nodes reach, or loaded on every node beforehand (docs/how-to/deploy-in-a-cluster.md#the-image)",
            examples: [`bastion.site-a.example:5000/distribution@sha256:${"0123456789abcdef".repeat(4)}`],
            fix: "write <registry>/<repository>@sha256:<digest>",
        }),
    expose: z
        .enum(EXPOSURES)
        .default("route")
        .meta({
            description:
                "How clients reach it: by two Routes of OpenShift, whose hosts are those of `mirrorBase` and `pushHost`, or by two " +
                "ports of every node, which are the ports of `mirrorBase` and `pushHost`. TLS ends in the pod",
            examples: ["nodePort"],
            fix: "write route or nodePort",
        }),
    storage: storageKeys.meta({
        description: "Where the content is: in a volume of the cluster (`size`), or in a bucket (`s3`)",
        fix: "write storage: {size: 500GiB} or storage: {s3: {endpoint, bucket}}",
    }),
    runAsUser: z
        .number()
        .int()
        .min(1)
        .optional()
        .meta({
            description:
                "User and group number of the pods. On OpenShift leave it out, which assigns one; elsewhere images of distribution " +
                "need one, since they run as root by themselves",
            examples: [1000],
            defaultText: "assigned by the cluster",
            fix: "write a whole number above 0",
        }),
    rotate: z
        .string()
        .min(1)
        .optional()
        .meta({
            description:
                "Any text, such as a date. Another one replaces the accounts of the registry; the two before stay valid, and the " +
                "preview names those that end",
            examples: ["2027-03"],
            defaultText: "none",
            fix: "write a text in quotes",
        }),
    deleteContent: z
        .boolean()
        .default(false)
        .meta({
            description:
                "Whether the volume with the content, and a namespace that was created for it, are deleted when the registry is " +
                "removed: by `destroy`, or without this key. It counts as of the last `up`. The content of a bucket always stays",
            examples: [true],
            fix: "write true or false",
        }),
});

/** A registry that the program installs, as it is configured: exactly one of these. */
export const deployKeys = z.strictObject({
    host: hostDeployKeys.optional().meta({
        description: "Runs `distribution` on a host that is reached over SSH (docs/how-to/deploy-on-a-host.md)",
        fix: "write host: {address, user, hostKey, image}",
    }),
    cluster: clusterDeployKeys.optional().meta({
        description: "Runs `distribution` in a cluster (docs/how-to/deploy-in-a-cluster.md)",
        fix: "write cluster: {image, storage: {size}}",
    }),
    installer: installerDeployKeys.optional().meta({
        description:
            "Has the own installer of `mirror-registry` or `harbor` set it up on a host " +
            "(docs/how-to/install-harbor-or-mirror-registry.md)",
        fix: "write installer: {host, version, file, sha256}",
    }),
});

export type ClusterDeployKeys = z.infer<typeof clusterDeployKeys>;
