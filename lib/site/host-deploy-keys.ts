import { z } from "zod";
import { hostKeys } from "./host-keys";

const path = () =>
    z
        .string()
        // In units of systemd, where other characters have a meaning of their own.
        .regex(/^(\/[A-Za-z0-9_][A-Za-z0-9._-]*)+$/, "an absolute path of letters, digits, '.', '_' and '-' is needed");

/** A plain registry that the program runs on a host, as it is configured. */
export const hostDeployKeys = z.strictObject({
    ...hostKeys.shape,
    image: z
        .string()
        .min(1)
        .optional()
        .meta({
            description:
                "The image of [distribution](https://github.com/distribution/distribution), 2.8 or 3, by digest, at a registry that " +
                "the host reaches. Exactly one of `image`, `imageFile` and `imageFileOnHost` is set",
            examples: [`bastion.site-a.example:5000/distribution@sha256:${"0123456789abcdef".repeat(4)}`],
            defaultText: "none",
            fix: "write <registry>/<repository>@sha256:<digest>",
        }),
    imageFile: z
        .string()
        .min(1)
        .optional()
        .meta({
            description:
                "The same image as an archive on this machine, which is copied to the host. Once it is there, the file may go: it is " +
                "needed again only if the host has lost the image",
            examples: ["/mnt/media/distribution.tar"],
            defaultText: "none",
            fix: "write the path of an archive of podman save or skopeo copy",
        }),
    imageFileOnHost: path()
        .optional()
        .meta({
            description: "The same image as an archive on the host. Another image needs another name",
            examples: ["/srv/media/distribution-3.1.2.tar"],
            defaultText: "none",
            fix: "write an absolute path on the host",
        }),
    directory: path()
        .default("/var/lib/registry-passthrough")
        .meta({
            description:
                "The directory of the registry on the host, with its content, which is the largest part. It cannot change: the content " +
                "would stay where it is",
            examples: ["/srv/registry"],
            fix: "write an absolute path of letters, digits, '.', '_' and '-'",
        }),
    allowedFrom: z
        .array(z.string())
        .default([])
        .meta({
            description:
                "Addresses and ranges that reach the registry's ports, by rules of nftables on the host: all nodes, and this machine. " +
                "Empty, without `allowedNodes`: there are no such rules",
            examples: [["10.0.0.0/24", "10.0.9.5"]],
            fix: "write addresses and ranges, as in 10.0.0.5, 10.0.0.0/24 or 2001:db8::/64",
        }),
    allowedNodes: z
        .boolean()
        .default(false)
        .meta({
            description:
                "Whether the nodes of the site's clusters with `apply` reach the registry's ports, too: their addresses are read " +
                "from each cluster by every refresh and `up`. `allowedFrom` then has this machine, and whoever else there is. It is for " +
                "nodes that run: a new one pulls at its first boot, when the cluster has no address of it yet, so the machine " +
                "network of a cluster that gets more nodes, or other ones, belongs in `allowedFrom`",
            examples: [true],
            fix: "write true or false",
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
                "Whether the content is deleted when the registry is removed: by `destroy`, or without this key. It counts as of the " +
                "last `up`",
            examples: [true],
            fix: "write true or false",
        }),
});

export type HostDeployKeys = z.infer<typeof hostDeployKeys>;
