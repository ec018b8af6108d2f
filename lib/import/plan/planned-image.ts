import type { ProblemJson } from "../../errors/format";
import type { Digest } from "../../oci/digest";
import { imageProblemToJson } from "../image-problem";
import { type ImagePlan, type ImportPlan, imagesPayload } from "./plan";

/** What is left to do for an image: nothing, everything that is missing, only its tag, or it cannot be done. */
export type PlannedState = "present" | "push" | "tag-only" | "blocked";

/** One image of a plan, for people and for machines: plain JSON. */
export interface PlannedImage {
    /** Source reference. */
    readonly source: string;
    readonly state: PlannedState;
    readonly digest?: Digest;
    /** `mirror/quay.io/org/app:1.2` */
    readonly mirror?: string;
    /** Blobs whose bytes this image sends; those that it shares are sent by one image only. */
    readonly uploads: number;
    readonly mounts: number;
    /** Payload, manifests included; over all images, the plan's. */
    readonly bytes: number;
    /** What the tag points to now, if that is another image: it moves. */
    readonly movedFrom?: Digest;
    /** Why it is blocked, as text. */
    readonly problem?: string;
    /** The same for machines. */
    readonly errors?: readonly ProblemJson[];
}

/** The plan image by image, by source reference. */
export function plannedImages(plan: ImportPlan): PlannedImage[] {
    const nothing = { uploads: 0, mounts: 0, bytes: 0 };
    const put = new Set<string>();
    return [
        ...plan.present.map(({ source, digest, repository, tag }) => {
            return { source, state: "present" as const, digest, mirror: `${repository}:${tag}`, ...nothing };
        }),
        ...plan.push.map((image) => plannedPush(image, put)),
        ...plan.problems.map((image) => ({ state: "blocked" as const, ...nothing, ...imageProblemToJson(image) })),
    ].sort((a, b) => (a.source < b.source ? -1 : a.source > b.source ? 1 : 0));
}

/** True if nothing but the image's tag is put. */
export function isTagOnly({ blobs, needs, manifests, copies, rootIsThere }: ImagePlan): boolean {
    return rootIsThere && blobs.length + needs.length + manifests.length + copies.length === 0;
}

/** @param put child manifests that images before this one put into the same repository */
function plannedPush(image: ImagePlan, put: Set<string>): PlannedImage {
    const { source, digest, repository, tag } = image.task;
    const isNew = (child: { readonly digest: Digest }) => {
        const key = `${repository} ${child.digest}`;
        return !put.has(key) && put.add(key).size > 0;
    };
    const own = { ...image, manifests: image.manifests.filter(isNew), copies: image.copies.filter(isNew) };
    return {
        source,
        state: isTagOnly(image) ? "tag-only" : "push",
        digest,
        mirror: `${repository}:${tag}`,
        ...imagesPayload([own]),
        ...(image.movedFrom === undefined ? {} : { movedFrom: image.movedFrom }),
    };
}
