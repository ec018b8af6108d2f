import type { RegistryClient } from "../../distribution/client/registry-client";
import { counted } from "../../errors/text";
import type { ImagesBySource } from "../../import";
import type { ImageMark } from "../../mirror/image-set";
import type { Digest } from "../../oci/digest";
import { parseSourceKey, repositoryName } from "../../oci/reference";
import { type SignaturePolicy, type SignatureRules, policiesOf } from "../../signatures";
import { type ImageSignatures, type SignatureReport, checkSignatures } from "./check-signatures";
import { type SignaturePull, type SignaturePullRequest, signaturePulls } from "./signature-pulls";

/**
 * The images that a policy may cover: those under a scope by their upstream names, and those that are pulled by their names
 * at the mirror, which may not be known yet.
 */
export function coveredImages(
    images: ImagesBySource,
    marks: Readonly<Record<string, ImageMark>>,
    { policies, local }: SignatureRules,
): Record<string, Digest> {
    const isCovered = ([source, digest]: [string, Digest]) => {
        const reference = parseSourceKey(source);
        const name = repositoryName(reference);
        if (marks[source] === "rebuilt" || local.includes(name)) return true;
        const { tag } = reference;
        return [{ name, digest }, ...(tag === undefined ? [] : [{ name, tag }])].some(
            (pulled) => policiesOf(policies, pulled).length > 0,
        );
    };
    return Object.fromEntries(Object.entries(images).filter(isCovered));
}

/** Images under the scope of a policy, looked up in the mirror as nodes do. */
export interface RequiredSignatures extends SignatureReport {
    /** Images that a policy covers; the mirror may lack some of them. */
    readonly covered: readonly SignaturePull[];
}

/**
 * Judges the images that a policy covers, and no others: nobody asks for signatures of those.
 * @param onProgress called with how many are read, of how many
 * @throws RegistryError if the registry cannot be reached
 */
export async function checkRequiredSignatures(
    client: RegistryClient,
    { policies, local }: SignatureRules,
    request: Omit<SignaturePullRequest, "local">,
    onProgress: (read: number, of: number) => void = () => undefined,
): Promise<RequiredSignatures> {
    const pulls = coveredPulls({ ...request, local: new Set(local) }, policies);
    const report = await checkSignatures(client, pulls, policies, (read) => onProgress(read, pulls.length));
    return { ...report, covered: pulls };
}

/** The pulls of images that a policy covers. */
export function coveredPulls(request: SignaturePullRequest, policies: readonly SignaturePolicy[]): SignaturePull[] {
    return signaturePulls(request).filter(({ names }) => names.some((name) => policiesOf(policies, name).length > 0));
}

/** One line for each image that nodes refuse, or whose signatures could not be read. */
export function refusedImageLines({ images, unread }: SignatureReport): string[] {
    return [
        ...images.filter(({ refusals }) => refusals.length > 0).map(refusalLine),
        ...unread.map(({ source, problems }) => `${source}: could not be read: ${problems[0]?.problem ?? ""}`),
    ].sort();
}

/** "2 of 12 images", for what nodes refuse or may refuse. */
export function countRefused({ images, unread, covered }: RequiredSignatures): string {
    const refused = images.filter(({ refusals }) => refusals.length > 0).length + unread.length;
    return `${refused} of ${counted(covered.length, "image")}`;
}

/** "quay.io/team1/app:1: policy team1 on quay.io/team1: it is not signed", each reason once. */
function refusalLine({ source, refusals, notLookedUp }: ImageSignatures): string {
    const reasons = refusals.map(({ platform, policy, scope, reason }) => {
        return `policy ${policy} on ${scope}: ${reason}${platform === undefined ? "" : ` (${platform})`}`;
    });
    return `${source}: ${[...new Set([...reasons, ...notLookedUp])].join("; ")}`;
}
