import { z } from "zod";
import { CHALLENGES } from "../acme/challenge";
import { days } from "./units";

/** A CA that the program makes and keeps, as it is configured. */
const siteCaKeys = z.strictObject({
    roll: z
        .string()
        .min(1)
        .optional()
        .meta({
            description:
                "Any text, such as a date. If it differs from that of the last roll, the next `up` begins to replace the CA: the " +
                "new one is trusted beside the old one first, issues certificates when every node has it, and takes the place of " +
                "the old one last (docs/how-to/registry-certificate.md#replace-the-ca). Leaving the key out again changes nothing",
            examples: ["2027-03"],
            defaultText: "none",
            fix: "write a text in quotes",
        }),
    caLifetime: days(3)
        .prefault("3650d")
        .meta({
            description:
                "How long a CA of the site is valid. It is replaced when two thirds of that are over, so it must be at least three " +
                "times `lifetime`",
            exampleText: "3650d",
            fix: "write a number of days, as in 3650d",
        }),
    lifetime: days(1).prefault("365d").meta({
        description:
            "How long a certificate of the registry is valid. The first `up` after two thirds of that makes a new one",
        exampleText: "365d",
        fix: "write a number of days, as in 365d",
    }),
    dropNames: z
        .array(z.string().min(1))
        .min(1)
        .optional()
        .meta({
            description:
                "Former names of a registry that the program runs (`deploy.cluster`, `deploy.host`). Its certificate keeps them, since " +
                "clusters pull by them until they have other mirror rules; those that are listed here leave it " +
                "(docs/how-to/change-the-registry.md#the-registry-moves)",
            examples: [["registry-old.site-a.example"]],
            defaultText: "none: each name that the registry had stays",
            fix: "list names without a port, once no node of any cluster has rules for them",
        }),
    overlap: days(0)
        .prefault("7d")
        .meta({
            description:
                "While the CA is replaced: for how many days those who get CAs by hand (clusters without `apply`, hosts of " +
                "`targets`), or install the registry's certificate by hand, have time for each step. Clusters with `apply` are " +
                "asked in any case",
            exampleText: "7d",
            fix: "write a number of days, as in 7d",
        }),
});

/** A certificate from an ACME server, as it is configured. */
const acmeKeys = z.strictObject({
    directory: z
        .string()
        .min(1)
        .meta({
            description: "URL of the server's directory (RFC 8555)",
            examples: ["https://ca.site-a.example/acme/acme/directory"],
            fix: "write the https URL of the ACME server's directory",
        }),
    ca: z
        .string()
        .min(1)
        .optional()
        .meta({
            description:
                "PEM file of the CA that issued the certificate of the ACME server itself. It is trusted there in addition to the public " +
                "CAs, and nowhere else",
            examples: ["certs/site-a-ca.pem"],
            defaultText: "that of `registry.ca`",
            fix: "give the PEM file of the CA that issued the ACME server's certificate",
        }),
    email: z
        .string()
        .min(1)
        .optional()
        .meta({
            description: "Whom the server writes to, if it does",
            examples: ["registry@site-a.example"],
            defaultText: "nobody",
            fix: "write an address",
        }),
    challenge: z
        .enum(CHALLENGES)
        .default("dns-01")
        .meta({
            description:
                "What the server is shown: a TXT record (`dns-01`), or a document at port 80 of each host (`http-01`). `command` puts " +
                "it there (docs/how-to/registry-certificate.md#a-certificate-from-an-acme-server)",
            examples: ["http-01"],
            fix: `write one of: ${CHALLENGES.join(", ")}`,
        }),
    command: z
        .array(z.string().min(1))
        .min(1)
        .optional()
        .meta({
            description:
                "Program that puts answers to challenges in their place, and takes them away, with its first arguments. It is run as " +
                "`<command> present <place> <value>` and `<command> cleanup <place> <value>`, without a shell and without the stack's secrets",
            examples: [["/usr/local/bin/dns-challenge"]],
            defaultText: "none: the server authorizes the account by itself",
            fix: "write a list: the program, then its first arguments",
        }),
    keyId: z
        .string()
        .min(1)
        .optional()
        .meta({
            description:
                "Name of the key with which the server binds its accounts to those of its operator (external account binding). The key " +
                "itself is the secret `acmeMacKey`",
            examples: ["site-a"],
            defaultText: "none: the server binds no accounts",
            fix: "write the key's name (key ID), as the server's operator gave it",
        }),
});

/** The registry's certificate, as it is configured. */
export const certificateKeys = z.strictObject({
    chainFile: z
        .string()
        .min(1)
        .optional()
        .meta({
            description:
                "PEM file with a certificate for the host of `mirrorBase` that somebody else has issued, followed by the CAs " +
                "between it and its root. Its private key is the secret `registryCertificateKey`",
            examples: ["certs/registry.pem"],
            defaultText: "none",
            fix: "give the PEM file of the registry's certificate",
        }),
    acme: acmeKeys.optional().meta({
        description:
            "An ACME server that issues the certificate for the host of `mirrorBase`. Its root CA is in `registry.ca`, unless it " +
            "is a public one",
        fix: "write acme: {directory: <URL>, command: [<program>]}",
    }),
    siteCa: siteCaKeys.optional().meta({
        description:
            "A CA that the program makes and keeps in the stack's state, with a certificate of it for the host of `mirrorBase`. " +
            "It is trusted beside `registry.ca`. With `chainFile` or `acme` too, it is trusted already, and issues nothing yet",
        fix: "write siteCa: {}",
    }),
});
