import { z } from "zod";

/** How a host is reached over SSH, as it is configured. */
export const hostKeys = z.strictObject({
    address: z
        .string()
        .regex(/^[A-Za-z0-9][A-Za-z0-9.-]*$|^[0-9a-fA-F:]+$/, "not a host name or an IP address")
        .meta({
            description: "Host name or IP address of the host, without a port",
            examples: ["bastion.site-a.example"],
            fix: "write a name that this machine resolves, or an IP address",
        }),
    port: z
        .number()
        .int()
        .min(1)
        .max(65_535)
        .default(22)
        .meta({
            description: "Port of its SSH server",
            examples: [2222],
            fix: "write a number from 1 to 65535",
        }),
    user: z
        .string()
        .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]*\$?$/, "not a user name")
        .default("root")
        .meta({
            description: "The user who logs in: root, or one who becomes root by `sudo` without a password",
            examples: ["operator"],
            fix: "write the name of a user of the host",
        }),
    hostKey: z.string().min(1).meta({
        description:
            "Public key that the host must prove itself with: a line of `/etc/ssh/ssh_host_ed25519_key.pub`, read on the host itself",
        exampleText: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI…",
        fix: "write a line of /etc/ssh/ssh_host_ed25519_key.pub of that host: ssh-ed25519 AAAA…",
    }),
    privateKeyFile: z
        .string()
        .min(1)
        .optional()
        .meta({
            description: "File with the private key that the user logs in with, in place of the secret hostPrivateKey",
            examples: ["/home/ci/.ssh/id_ed25519"],
            defaultText: "none: hostPrivateKey is used",
            fix: "write the path of a private key",
        }),
});
