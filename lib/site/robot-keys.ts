import { z } from "zod";
import { days } from "./units";

/** A text that means nothing by itself: its change replaces robot accounts. */
function rotateKey(what: string, more = "") {
    return z
        .string()
        .min(1)
        .optional()
        .meta({
            description:
                `Any text, such as a date or the name of an incident. If it differs from that of the last \`up\`, the next \`up\` ` +
                `replaces ${what}, regardless of age.${more} The first text also replaces what the stack has already; ` +
                "leaving the key out again changes nothing",
            examples: ["2026-12 audit"],
            defaultText: "none",
            fix: "write a text in quotes",
        });
}

/** What a rotation does. */
export const rotations = z.enum(["generations", "in-place"]);
const ROTATION_FIX = "write generations or in-place";

/** As `robots.rotation`, for one of the accounts. */
function rotationKey(what: string) {
    return rotations.optional().meta({
        description: `As \`robots.rotation\`, for ${what} alone`,
        examples: ["in-place"],
        defaultText: "robots.rotation",
        fix: ROTATION_FIX,
    });
}

/** Robot accounts, as they are configured. */
export const robotsKeys = z.strictObject({
    rotate: rotateKey("both robot accounts"),
    rotation: rotations.default("generations").meta({
        description:
            "What a rotation does. `generations`: a new account takes the place of the old one, which stays valid for its " +
            "overlap. `in-place`: the account gets a new secret under the same name, and the old secret is rejected at once, so " +
            "that new pulls of a cluster fail until it has the new pull secret (docs/how-to/rotate-accounts.md#in-place). Not for " +
            "JFrog. A change of this key alone rotates nothing",
        examples: ["in-place"],
        fix: ROTATION_FIX,
    }),
    importer: z
        .strictObject({
            rotate: rotateKey("the robot account that pushes", " A change of `robots.rotate` does the same."),
            rotation: rotationKey("the robot account that pushes"),
            maxAge: days(1)
                .prefault("30d")
                .meta({
                    description:
                        "Longest age of the robot account that pushes. `npm run up` replaces it when two thirds of it are over. On " +
                        "Harbor and JFrog it expires 7 days after this age",
                    exampleText: "30d",
                    fix: "write a number of days, as in 30d",
                }),
        })
        .prefault({})
        .meta({ description: "The robot account that pushes" }),
    puller: z
        .strictObject({
            rotate: rotateKey(
                "the robot account that clusters pull with",
                " A change of `robots.rotate` does the same.",
            ),
            rotation: rotationKey("the robot account that clusters pull with"),
            maxAge: days(1)
                .prefault("90d")
                .meta({
                    description:
                        "Longest age of the robot account that clusters pull with. `npm run up` replaces it when two thirds of it " +
                        "are over. On Harbor and JFrog it expires `overlap` and 7 days after this age",
                    exampleText: "90d",
                    fix: "write a number of days, as in 90d",
                }),
            overlap: days(0)
                .optional()
                .meta({
                    description:
                        "For how long a replaced account stays valid, for clusters that still have it in their pull secret. The " +
                        "first `up` after that time deletes it at its end, once every image was proven with the new account and every " +
                        "cluster with `apply` has it (docs/how-to/rotate-accounts.md). With `0d`, where nothing gets the account by hand, that " +
                        "is the `up` that replaces it; otherwise it is the next one",
                    exampleText: "7d",
                    defaultText: "7d, or a third of maxAge if that is less",
                    fix: "write a number of days, as in 7d",
                }),
        })
        .prefault({})
        .meta({ description: "The robot account that clusters pull with" }),
});
