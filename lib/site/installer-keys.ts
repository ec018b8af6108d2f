import { z } from "zod";
import { hostKeys } from "./host-keys";

/** A registry that the program sets up by the registry's own installer, as it is configured. */
export const installerDeployKeys = z.strictObject({
    host: hostKeys.meta({
        description: "The host, over SSH",
        fix: "write host: {address, hostKey}",
    }),
    directory: z
        .string()
        .regex(/^(\/[A-Za-z0-9_][A-Za-z0-9_.-]*){2,}$/, "not an absolute path of two or more plain names")
        .default("/opt/registry-passthrough")
        .meta({
            description:
                "Folder on the host for all of it: configuration, accounts, content. It cannot change. It is of this registry alone",
            examples: ["/srv/registry"],
            fix: "write an absolute path of letters, digits, dots, - and _, at least two levels deep",
        }),
    version: z
        .string()
        .regex(/^v?\d+\.\d+\.\d+$/, "not a version of three numbers")
        .meta({
            description: "Version of the installer. A newer one upgrades the registry; an older one is refused",
            exampleText: "2.0.11",
            fix: "write the version of the archive, as in 2.0.11",
        }),
    file: z
        .string()
        .min(1)
        .optional()
        .meta({
            description:
                "The offline installer as its publisher packs it, on this machine; it is copied to the host when it is needed " +
                "there. Relative paths start at the project's folder",
            examples: ["installers/mirror-registry-amd64.tar.gz"],
            defaultText: "none: this or fileOnHost is required",
            fix: "give the path of the archive",
        }),
    fileOnHost: z
        .string()
        .regex(/^\//, "not an absolute path")
        .optional()
        .meta({
            description: "The same, on the host: an absolute path",
            examples: ["/media/disk/harbor-offline-installer-v2.14.1.tgz"],
            defaultText: "none: this or file is required",
            fix: "write an absolute path on the host",
        }),
    sha256: z
        .string()
        .regex(/^[0-9a-f]{64}$/, "not a SHA-256 in hexadecimal")
        .meta({
            description:
                "SHA-256 of the archive, as its publisher says it; it is compared on the host before anything is unpacked",
            exampleText: "0123456789abcdef… (64 digits)",
            fix: "write the 64 digits that sha256sum prints",
        }),
    httpPort: z
        .number()
        .int()
        .min(1)
        .max(65_535)
        .default(80)
        .meta({
            description: "Only for `harbor`: the port that it opens beside that of TLS, and redirects from",
            examples: [8080],
            fix: "write a number from 1 to 65535",
        }),
    deleteContent: z
        .boolean()
        .default(false)
        .meta({
            description:
                "Whether the registry is uninstalled with its content when it is removed: by `destroy`, or without this key. " +
                "Otherwise it is only stopped. It counts as of the last `up`",
            examples: [true],
            fix: "write true or false",
        }),
});
