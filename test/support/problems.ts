import { type ImageProblem, imageProblemToJson } from "../../lib/import";

/** All that is wrong with an image, as text; empty without one. */
export function problemText(image: ImageProblem | undefined): string {
    return image === undefined ? "" : imageProblemToJson(image).problem;
}
