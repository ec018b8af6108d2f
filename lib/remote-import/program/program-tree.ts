import { basename } from "node:path";
import { type TarLayer, tarLayer } from "../../image-build";
import { LIBRARIES, NODE, nodeFiles } from "./node-files";
import { PROGRAM_ENTRY, programFiles } from "./program-files";

/** Node.js and the importer as one tar, for a host that has neither. */
export interface ProgramTree {
    readonly layer: TarLayer;
    /** What `uname -sm` says of a machine that runs it. */
    readonly machine: string;
    /** The path of a file near its end: where it is, all of the tar has arrived. */
    readonly last: string;
    /**
     * How the importer is started.
     * @param folder with what is in the tar
     * @param request the folder of what is asked
     */
    readonly command: (folder: string, request: string) => readonly string[];
}

/** Values of `process.arch` that the kernel names otherwise. */
const MACHINES: Readonly<Record<string, string>> = { x64: "x86_64", arm64: "aarch64", ppc64: "ppc64le" };

/** The program of this version, the same bytes at any time. @throws PassthroughError `REMOTE_IMPORT_FAILED` */
export async function programTree(): Promise<ProgramTree> {
    const node = nodeFiles();
    const program = programFiles();
    const files = [
        ...node.map(({ file, path }) => ({ path, content: { file }, isProgram: true })),
        ...program.map(({ file, path }) => ({ path, content: { file } })),
    ].sort((a, b) => (a.path < b.path ? -1 : 1));
    const loader = node.find(({ path }) => /^ld-/.test(basename(path)) && !path.startsWith(LIBRARIES))?.path;
    return {
        layer: await tarLayer(files),
        machine: `Linux ${MACHINES[process.arch] ?? process.arch}`,
        last: files.at(-1)?.path ?? "",
        command: (folder, request) => [
            // Its libraries are those that came with it, whatever the host has.
            ...(loader === undefined ? [] : [`${folder}/${loader}`, "--library-path", `${folder}/${LIBRARIES}`]),
            ...[`${folder}/${NODE}`, `${folder}/${PROGRAM_ENTRY}`, request],
        ],
    };
}
