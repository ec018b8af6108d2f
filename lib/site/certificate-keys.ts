import { z } from "zod";
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
    siteCa: siteCaKeys.optional().meta({
        description:
            "A CA that the program makes and keeps in the stack's state, with a certificate of it for the host of `mirrorBase`. " +
            "It is trusted beside `registry.ca`. With `chainFile` too, it is trusted already, and issues nothing yet",
        fix: "write siteCa: {}",
    }),
});
