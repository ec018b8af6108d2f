import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { writeOciArchive, writeOcMirrorArchive } from "./archives.mjs";
import { writeLayout } from "./layout.mjs";
import { made } from "./scratch.mjs";
import { shapes } from "./shapes.mjs";

const compiled = createRequire(import.meta.url);

/**
 * Content of a work in one form, and its lock.
 *
 * @typedef {object} WorkData
 * @property {string} folder holds `layout/` and `single/<n>/`
 * @property {string} archive what ours imports: a folder or a file
 * @property {string} lock
 * @property {import("./layout.mjs").Content} content
 */

/** @param {keyof typeof shapes} work @returns {Promise<WorkData>} as an OCI layout in a folder */
export async function layoutData(work) {
    return shapedData(work, shapes[work]);
}

/**
 * @param {string} name of the folder
 * @param {() => import("./shapes.mjs").ImageShape[]} shape
 * @returns {Promise<WorkData>} as an OCI layout in a folder
 */
export async function shapedData(name, shape) {
    const { folder, facts } = await made(name, async (place) => {
        const content = writeLayout(place, shape());
        await lockArchive(join(place, "layout"), join(place, "content.lock.json"));
        return content;
    });
    return { folder, archive: join(folder, "layout"), lock: join(folder, "content.lock.json"), content: facts };
}

/**
 * @param {keyof typeof shapes} work
 * @param {"oci-archive" | "oc-mirror"} form
 * @returns {Promise<WorkData>} the same content as one tar
 */
export async function archiveData(work, form) {
    const data = await layoutData(work);
    const write = form === "oci-archive" ? writeOciArchive : writeOcMirrorArchive;
    const name = form === "oci-archive" ? "content.tar" : "mirror_000001.tar";
    const { folder } = await made(`${work}-${form}`, async (place) => {
        mkdirSync(join(place, "archive"));
        write(data.folder, data.content, join(place, "archive", name));
        await lockArchive(join(place, "archive", name), join(place, "content.lock.json"));
        return {};
    });
    return { ...data, archive: join(folder, "archive", name), lock: join(folder, "content.lock.json") };
}

/**
 * Makes a lock as `passthrough lock` does; with the compiled program, which the run has made current.
 *
 * @param {string} archivePath
 * @param {string} lockPath
 */
async function lockArchive(archivePath, lockPath) {
    /** @type {typeof import("../../lib/archives/index.js")} */
    const { describeArchive, openArchive } = compiled("../../dist/lib/archives");
    /** @type {typeof import("../../lib/lock/index.js")} */
    const { writeLock } = compiled("../../dist/lib/lock");
    const archive = await openArchive(archivePath);
    try {
        await writeLock(lockPath, (await describeArchive(archive, [])).lock);
    } finally {
        await archive.close();
    }
}
