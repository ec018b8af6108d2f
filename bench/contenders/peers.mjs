import { join } from "node:path";
import { splitPlace } from "./places.mjs";

/** @import { WorkData } from "../data/content.mjs" */
/** @import { Content, MadeImage } from "../data/layout.mjs" */
/** @import { Command } from "../measure.mjs" */
/** @import { Contender, ReachedRegistry } from "./contender.mjs" */

/**
 * skopeo, an image at a time or several at once.
 *
 * @param {string} file the program
 * @param {WorkData} data
 * @param {number} atOnce
 * @returns {Contender}
 */
export function skopeo(file, { archive, content }, atOnce = 1) {
    const copy = ["copy", "--quiet", "--all", "--preserve-digests"];
    return {
        name: atOnce === 1 ? "skopeo" : `skopeo x${atOnce}`,
        role: "peer",
        placesImages: true,
        command: (registry) => ({
            ...perImage(atOnce, [file, ...copy, "--dest-cert-dir", registry.certificates]),
            input: lines(content, ({ source }) => `oci:${archive}:${source} docker://${target(registry, source)}`),
        }),
    };
}

/** `crane push`, an image at a time. @param {string} file @param {WorkData} data @returns {Contender} */
export function crane(file, { folder, content }) {
    return {
        name: "crane",
        role: "peer",
        placesImages: true,
        command: (registry) => ({
            ...perImage(1, [file, "push"]),
            env: { SSL_CERT_FILE: registry.ca },
            input: lines(content, ({ source }, at) => `${single(folder, at)} ${target(registry, source)}`),
        }),
    };
}

/** `crane push --index`: all images into one repository. @param {string} file @param {WorkData} data @returns {Contender} */
export function craneIndex(file, { archive }) {
    return {
        name: "crane push --index",
        role: "peer",
        placesImages: false,
        command: (registry) => ({
            file,
            args: ["push", "--index", archive, `${registry.host}/all:v1`],
            env: { SSL_CERT_FILE: registry.ca },
        }),
    };
}

/** `regctl image copy`, an image at a time. @param {string} file @param {WorkData} data @returns {Contender} */
export function regctl(file, { folder, content }) {
    return {
        name: "regctl",
        role: "peer",
        placesImages: true,
        command: (registry) => ({
            ...perImage(1, [file, "image", "copy"]),
            env: { SSL_CERT_FILE: registry.ca },
            input: lines(content, ({ source }, at) => {
                return `ocidir://${single(folder, at)}:${splitPlace(source).tag} ${target(registry, source)}`;
            }),
        }),
    };
}

/** @param {number} atOnce @param {string[]} command @returns {Command} it gets the rest of its arguments from stdin */
function perImage(atOnce, command) {
    return { file: "xargs", args: ["-P", String(atOnce), "-L", "1", ...command] };
}

/** @param {Content} content @param {(image: MadeImage, at: number) => string} line @returns {string} */
function lines({ images }, line) {
    return images.map((image, at) => `${line(image, at)}\n`).join("");
}

/** @param {ReachedRegistry} registry @param {string} source @returns {string} */
function target({ host }, source) {
    const { repository, tag } = splitPlace(source);
    return `${host}/${repository}:${tag}`;
}

/** @param {string} folder @param {number} at @returns {string} */
function single(folder, at) {
    return join(folder, "single", String(at));
}
