import { existsSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { PassthroughError, errorMessage } from "../../errors/errors";
import { type Needs, readNeeds } from "../../image-build";
import type { ProgramFile } from "./program-files";

/** Where the libraries of Node.js are in an image. */
export const LIBRARIES = "usr/lib/registry-passthrough";
export const NODE = "usr/bin/node";

/** Libraries that older C libraries load by name only, for names of hosts and users (glibc before 2.34). */
const LOADED_LATER = ["libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2"];

const report = z.looseObject({ sharedObjects: z.array(z.string()) });

/**
 * The Node.js that runs now, with the libraries that it needs, as files of an image: no base image is needed then. All of
 * them are from this machine, so they fit together.
 * @returns sorted by path
 * @throws PassthroughError `REMOTE_IMPORT_FAILED` if they cannot be found
 */
export function nodeFiles(): ProgramFile[] {
    try {
        return findFiles(realpathSync(process.execPath));
    } catch (error) {
        throw new PassthroughError(errorMessage(error), {
            code: "REMOTE_IMPORT_FAILED",
            thing: `Node.js at ${process.execPath}`,
            fix: "run with the Node.js of the kit or of nodejs.org, on Linux",
        });
    }
}

function findFiles(node: string): ProgramFile[] {
    const { interpreter, libraries } = readNeeds(node);
    // Otherwise it asks DNS for the name of each peer, and the whole process waits for that.
    Reflect.set(process.report, "excludeNetwork", true);
    const loaded = new Map(
        report.parse(process.report.getReport()).sharedObjects.map((file) => [basename(file), file]),
    );
    const found = new Map<string, string>();
    const add = (name: string): void => {
        if (found.has(name)) return;
        const file = loaded.get(name);
        if (file === undefined) throw new Error(`its library ${name} is not loaded`);
        found.set(name, file);
        needsOf(file).libraries.forEach(add);
    };
    // The loader is a library of others too, under its own name.
    const loader = interpreter === undefined ? undefined : basename(interpreter);
    libraries.filter((name) => name !== loader).forEach(add);
    const folder = dirname(found.get("libc.so.6") ?? node);
    for (const name of LOADED_LATER) if (existsSync(join(folder, name))) found.set(name, join(folder, name));
    const files = [
        { file: node, path: NODE },
        ...(interpreter === undefined ? [] : [{ file: realpathSync(interpreter), path: interpreter.slice(1) }]),
        ...[...found].map(([name, file]) => ({ file: realpathSync(file), path: `${LIBRARIES}/${name}` })),
    ];
    return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function needsOf(file: string): Needs {
    return readNeeds(realpathSync(file));
}
