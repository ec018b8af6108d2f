import { type ClusterRelease, PAYLOAD_REPOSITORIES } from "../../openshift";
import type { CoveredImage } from "./coverage";

/** What an ImageSetConfiguration of oc-mirror lacks. */
export interface ImageSetAddition {
    /** `host/path:tag` or `host/path@sha256:…`, sorted. */
    readonly images: readonly string[];
    /** The release that has the other missing images; only if some are of one. */
    readonly release?: ClusterRelease;
}

/**
 * What to add to an image set, so that the mirror gets the missing images.
 * @param release that the cluster runs: its images come with it, and are not listed one by one
 */
export function imageSetAddition(
    images: readonly CoveredImage[],
    release: ClusterRelease | undefined,
): ImageSetAddition {
    const names = [...new Set(images.flatMap(({ add }) => (add === undefined ? [] : [add])))].sort();
    if (release === undefined) return { images: names };
    const others = names.filter((name) => !isOfRelease(name));
    return { images: others, ...(others.length === names.length ? {} : { release }) };
}

function isOfRelease(name: string): boolean {
    return PAYLOAD_REPOSITORIES.some(
        (repository) => name.startsWith(`${repository}@`) || name.startsWith(`${repository}:`),
    );
}

/** Lines of YAML, as they stand in an ImageSetConfiguration (mirror.openshift.io/v2alpha1). */
export function imageSetLines({ images, release }: ImageSetAddition): string[] {
    return [
        "mirror:",
        ...(release === undefined ? [] : releaseLines(release)),
        ...(images.length === 0 ? [] : ["  additionalImages:", ...images.map((name) => `    - name: ${name}`)]),
    ];
}

/** A cluster without a channel has one that is named after its version. */
function releaseLines({ version, channel }: ClusterRelease): string[] {
    const [major = "", minor = ""] = version.split(".");
    return [
        "  platform:",
        "    channels:",
        `      - name: ${channel ?? `stable-${major}.${minor}`}`,
        `        minVersion: ${version}`,
        `        maxVersion: ${version}`,
    ];
}
