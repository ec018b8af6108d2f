/** Where the images of the works land. */
export const mirrorPath = "mirror";

/** @param {string} source `quay.io/bench/app0001:v1` @returns {{repository: string, tag: string}} at the mirror */
export function splitPlace(source) {
    const [path = "", tag = ""] = source.split(":");
    return { repository: `${mirrorPath}/${path}`, tag };
}
