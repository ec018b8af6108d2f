import { existsSync, readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import { parseLock } from "../../lib/lock";
import { type ImagesBySource, toImageMap, isImageText } from "../../lib/import";
import { isDigest } from "../../lib/oci/digest";
import { PassthroughError, errorMessage } from "../../lib/errors/errors";
import { NOTHING_IMPORTED } from "./nothing-imported";
import { stackState } from "./pulumi-stack";
import { readStackContent, stackFilePath } from "./stack-file";

/** The images of the last import, and where they are from. */
export interface ImportedImages {
    readonly images: ImagesBySource;
    /** For people: "the state of stack site-a". */
    readonly source: string;
    /** Why images may be missing from the list. */
    readonly note?: string;
}

const digest = z.string().refine(isDigest, "not a sha256 digest");
const images = z.union([z.string().refine(isImageText), z.record(z.string(), digest)]);
const state = z.looseObject({
    deployment: z.looseObject({
        resources: z
            .array(z.looseObject({ type: z.string(), delete: z.boolean().optional(), outputs: z.unknown() }))
            .nullish(),
    }),
});
const outputs = z.looseObject({ images: z.record(z.string(), z.looseObject({ digest })) });
const IMPORT_TYPE = "pulumi-nodejs:dynamic/registry-passthrough:ImageImport";

/**
 * The images in the stack's state. If the state cannot be read, no image counts as imported, and the note says so.
 */
export async function readImportedState(stack: string): Promise<ImportedImages> {
    const source = `the state of stack ${stack}`;
    try {
        return { images: imagesIn(await stackState(stack), source), source };
    } catch (error) {
        const note = `compared with nothing, since the state could not be read: ${errorMessage(error)}`;
        return { images: {}, source: "nothing", note };
    }
}

/**
 * The images of all these files: locks, `pulumi stack export`, `pulumi stack output --json`; of a folder, the stack's
 * lock files as its stack file lists them there.
 * @throws PassthroughError `BASELINE_INVALID`, and those of `parseLock` and `readStackContent`
 */
export function readImportedFiles(paths: readonly string[], stack: string): ImportedImages {
    if (paths.length === 1 && paths[0] === NOTHING_IMPORTED) return { images: {}, source: "nothing" };
    const all = paths.map((path) => (isFolder(path) ? imagesInFolder(path, stack) : imagesIn(readJson(path), path)));
    const unknown = paths.filter((path) => isFolder(path) && !existsSync(stackFilePath({ stack, folder: path })));
    const missing = unknown.map((folder) => stackFilePath({ stack, folder })).join(", ");
    return {
        images: Object.assign({}, ...all) as ImagesBySource,
        source: paths.join(", "),
        ...(missing === "" ? {} : { note: `every image counts as new: there is no ${missing}` }),
    };
}

function isFolder(path: string): boolean {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** A stack that has no file in the folder is new: nothing was imported for it. */
function imagesInFolder(folder: string, stack: string): ImagesBySource {
    if (!existsSync(stackFilePath({ stack, folder }))) return {};
    const locks = readStackContent({ stack, folder }).map(({ lock }) => resolve(folder, lock));
    return Object.assign({}, ...locks.map((lock) => imagesIn(readJson(lock), lock))) as ImagesBySource;
}

function imagesIn(document: unknown, place: string): ImagesBySource {
    if (typeof document === "object" && document !== null && "lockVersion" in document) {
        const lock = parseLock(JSON.stringify(document), place);
        return { ...lock.earlier.images, ...lock.images };
    }
    const stateDocument = state.safeParse(document);
    if (stateDocument.success) return imagesInResources(stateDocument.data.deployment.resources ?? []);
    const outputDocument = outputs.safeParse(document);
    if (!outputDocument.success) throw invalid(place, "neither a lock nor a stack's state or outputs");
    return Object.fromEntries(
        Object.entries(outputDocument.data.images).map(([source, image]) => [source, image.digest]),
    );
}

/** Of two sets with the same tag the later one counts, as in the registry. */
function imagesInResources(resources: readonly { type: string; delete?: boolean | undefined; outputs: unknown }[]) {
    const found = resources
        .filter((resource) => resource.type === IMPORT_TYPE && resource.delete !== true)
        .map((resource) => z.looseObject({ images }).safeParse(resource.outputs).data?.images ?? {})
        .map(toImageMap);
    return Object.assign({}, ...found) as ImagesBySource;
}

function readJson(path: string): unknown {
    let text: string;
    try {
        text = readFileSync(path, "utf8");
    } catch (error) {
        throw invalid(path, errorMessage(error));
    }
    try {
        return JSON.parse(text);
    } catch {
        throw invalid(path, "not JSON");
    }
}

function invalid(place: string, what: string): PassthroughError {
    return new PassthroughError(what, {
        code: "BASELINE_INVALID",
        place: { file: place },
        fix: `give a lock file, the JSON of \`pulumi stack output --json\` or \`pulumi stack export\`, a folder with stack files, or ${NOTHING_IMPORTED}`,
    });
}
