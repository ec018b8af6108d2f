import { counted } from "../../lib/errors/text";
import { imageProblemToJson } from "../../lib/import";
import type { ImageSignatures, SignatureReport } from "../../lib/passthrough";

/** True if nodes accept every image, as far as the policies of the site say, and every signature could be read. */
export function isAccepted({ images, unread }: SignatureReport): boolean {
    return unread.length === 0 && images.every(({ refusals }) => refusals.length === 0);
}

/** The part of the JSON report of `verify` about signatures. */
export function signaturesJson({ images, unread }: SignatureReport) {
    return {
        images: images.map(({ refusals, ...image }) => ({
            ...image,
            nodes: nodesVerdict({ refusals, ...image }),
            refusals: refusals.map(({ pulled, ...refusal }) => ({ ...refusal, pulled: pulledForm(pulled) })),
        })),
        unread: unread.map(imageProblemToJson),
    };
}

/** One line for each image, why nodes refuse some, and the totals. */
export function signatureLines({ images, unread }: SignatureReport): string[] {
    const count = (verdict: string) => images.filter((image) => nodesVerdict(image) === verdict).length;
    const signed = images.filter(({ signed: isSigned }) => isSigned).length;
    const unknown = unread.length === 0 ? "" : `, ${counted(unread.length, "image")} could not be read`;
    return [
        ...images.flatMap(imageLines),
        `${signed} of ${counted(images.length, "image")} signed where nodes look; ` +
            `nodes of 4.20 and later accept ${count("accept")} by a policy, refuse ${count("refuse")}, ` +
            `ask for no signature of ${count("ask for none")}${unknown}`,
    ];
}

function nodesVerdict({ required, refusals }: Pick<ImageSignatures, "required" | "refusals">) {
    if (required.length === 0) return "ask for none";
    return refusals.length === 0 ? "accept" : "refuse";
}

function imageLines(image: ImageSignatures): string[] {
    const { source, signed, signedBy, required, refusals, notLookedUp } = image;
    const who = !signed
        ? "not signed"
        : signedBy.length === 0
          ? "signed by none of the keys"
          : `signed by ${signedBy.join(", ")}`;
    const verdicts = {
        accept: `nodes accept it (policy ${required.join(", ")})`,
        refuse: "nodes of 4.20 and later refuse it",
        "ask for none": "nodes ask for no signature",
    };
    const causes = new Set(
        refusals.map(({ platform, pulled, policy, reason }) => {
            const where = platform === undefined ? "" : ` on ${platform}`;
            return `    pulled ${pulledForm(pulled)}${where}, policy ${policy}: ${reason}`;
        }),
    );
    const mark = refusals.length === 0 ? "" : "! ";
    return [
        `${mark}${source}: ${who}; ${verdicts[nodesVerdict(image)]}`,
        ...causes,
        ...notLookedUp.map((note) => `    ${note}`),
    ];
}

function pulledForm({ tag }: { readonly tag?: string }): string {
    return tag === undefined ? "by digest" : "by tag";
}
