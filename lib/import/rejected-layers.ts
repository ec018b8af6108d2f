import type { BlobSource } from "../mirror/image-set";
import type { Problem } from "../errors/problem";
import { excludeFix } from "../mirror/exclusions";
import { counted } from "../errors/text";
import { parseManifest } from "../oci/manifest";
import { MEDIA_TYPE_DOCKER_MANIFEST } from "../oci/media-types";
import type { ImageProblem } from "./image-problem";
import { manifestsToPut, type ImportPlan } from "./plan/plan";

/**
 * The images of a plan that the registry would reject for the media types of their layers, found in the archive before
 * any of them is put.
 * @param rejected media types of layers of Docker images (image manifest version 2, schema 2)
 * @returns source reference -> problem
 */
export async function findRejectedLayers(
    source: BlobSource,
    plan: ImportPlan,
    rejected: readonly string[],
    registry: string,
): Promise<ReadonlyMap<string, Problem>> {
    const found = new Map<string, Omit<Problem, "fix">>();
    if (rejected.length === 0) return new Map();
    for (const image of plan.push) {
        for (const { digest, mediaType } of manifestsToPut(image)) {
            if (mediaType !== MEDIA_TYPE_DOCKER_MANIFEST) continue;
            const { blobs } = parseManifest(await source.read(digest), { place: source.place(digest) });
            const layers = blobs.filter((blob) => rejected.includes(blob.mediaType));
            const [first] = layers;
            if (first === undefined) continue;
            found.set(image.task.source, {
                code: "MANIFEST_INVALID",
                problem: `${counted(layers.length, "layer")} of the type ${first.mediaType}, which the registry rejects in a Docker image`,
                thing: `manifest ${digest}`,
                place: { registry },
            });
        }
    }
    const fix = `${SAVE_AGAIN}; or ${excludeFix([...found.keys()])}`;
    return new Map([...found].map(([source, problem]) => [source, { ...problem, fix }]));
}

const SAVE_AGAIN = "save the image again with compressed layers or as an OCI image (its digest changes)";

/** Problems of images, where those that the registry rejected for non-distributable layers say how to leave them out. */
export function offerExclusion(failed: readonly ImageProblem[]): ImageProblem[] {
    const isRejected = ({ code }: Problem) => code === "FOREIGN_LAYERS_REJECTED";
    const rejected = failed.filter(({ problems }) => problems.some(isRejected)).map(({ source }) => source);
    const offer = (problem: Problem) =>
        isRejected(problem) ? { ...problem, fix: `${problem.fix ?? ""}; or ${excludeFix(rejected)}` } : problem;
    return failed.map(({ source, problems }) => ({ source, problems: problems.map(offer) }));
}
