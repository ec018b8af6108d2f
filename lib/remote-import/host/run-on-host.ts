import { Readable } from "node:stream";
import { PassthroughError } from "../../errors/errors";
import { oneLine } from "../../errors/text";
import type { ImportProgress } from "../../import";
import { computeDigest, digestHex } from "../../oci/digest";
import { type HostConnection, type HostSession, hostLabel, shellCommand, shellWord, writeHostFile } from "../../ssh";
import { type ProgramTree, programTree } from "../program/program-tree";
import { type RemoteReport, parseRemoteLine, readReport } from "../report";
import type { ImportRequest, ImportSecrets } from "../request";

/** What an importer on a host is to do, and who is told. */
export interface HostImport {
    readonly request: ImportRequest;
    readonly secrets: ImportSecrets;
    /** Text of the lock. */
    readonly lock: string;
    /** Whose the import is: `<project>/<stack>` and the path of the lock. */
    readonly owner: string;
    readonly signal: AbortSignal;
    readonly onProgress: (progress: ImportProgress) => void;
    readonly onNote: (text: string) => void;
    /** Gets what is done before the import begins. */
    readonly onStep: (text: string) => void;
}

/** Below the user's home directory. */
const FOLDER = ".cache/registry-passthrough";
/** Lines that an error quotes of a program that ended by no will of its own. */
const LAST_LINES = 3;

/**
 * Runs the importer on a host to its end. It ends with the connection.
 * @throws PassthroughError `REMOTE_IMPORT_FAILED`, those of the connection; the signal's reason
 */
export async function runOnHost(session: HostSession, work: HostImport): Promise<RemoteReport> {
    const tree = await programTree();
    const home = await prepareHost(session, tree, work);
    const program = `${home}/importer-${digestHex(tree.layer.digest).slice(0, 16)}`;
    await install(session, tree, program, work);
    const request = `${home}/request-${digestHex(computeDigest(work.owner)).slice(0, 16)}`;
    await checked(session, `mkdir -p ${shellWord(request)}`, work, "the folder of the request cannot be made");
    const write = (name: string, content: string) =>
        writeHostFile(session, { path: `${request}/${name}`, content, mode: "0600" }, { signal: work.signal });
    await write("lock.json", work.lock);
    await write("request.json", JSON.stringify(work.request));
    return runImporter(session, tree.command(program, request), request, work);
}

/** @returns the folder of this program on the host */
async function prepareHost(session: HostSession, { machine }: ProgramTree, work: HostImport): Promise<string> {
    const script = `umask 077; mkdir -p "$HOME/${FOLDER}" && cd "$HOME/${FOLDER}" && pwd && uname -sm`;
    const said = await checked(session, script, work, "the user has no home directory to write to");
    const [home = "", system = ""] = said.trim().split("\n").slice(-2);
    if (system === machine) return home;
    throw failed(session, `it is ${system}, and this machine is ${machine}`, {
        fix: "run the program on a machine of the same kind: the Node.js of this one is copied there",
    });
}

/** Copies the program, once for each version: beside its place first, so that what is there is all of it. */
async function install(session: HostSession, tree: ProgramTree, place: string, work: HostImport): Promise<void> {
    const { status } = await session.run(`test -d ${shellWord(place)}`, { signal: work.signal });
    if (status === 0) return;
    work.onStep(`copying the program to ${hostLabel(session.connection)}`);
    const draft = shellWord(`${place}.new`);
    const script = [
        `set -eu; rm -rf ${draft}; mkdir ${draft}`,
        `tar -x -f - -C ${draft}`,
        `test -s ${draft}/${tree.last}`,
        // What has its place is all of it, also after a loss of power.
        "sync",
        `mv ${draft} ${shellWord(place)}`,
    ].join("\n");
    await checked(session, script, work, "the program cannot be copied", Readable.from(tree.layer.pieces()));
}

async function runImporter(
    session: HostSession,
    command: readonly string[],
    request: string,
    work: HostImport,
): Promise<RemoteReport> {
    // It stays open as long as the import is wanted.
    const input = new Readable({ read: () => undefined });
    input.push(`${JSON.stringify(work.secrets)}\n`);
    const lines: string[] = [];
    const output = (line: string) => {
        const said = parseRemoteLine(line);
        if (said?.line === "progress") work.onProgress(said);
        else lines.push(line);
        if (said?.line === "note") work.onNote(said.text);
    };
    const { status } = await session
        .run(startScript(command, request), { stdin: input, signal: work.signal, output })
        .finally(() => input.push(null));
    const report = readReport(lines);
    if (report !== undefined) return report;
    const last = lines.filter((line) => parseRemoteLine(line) === undefined).slice(-LAST_LINES);
    const ended = `the importer ended with status ${status}`;
    throw failed(session, last.length === 0 ? ended : `${ended}: ${last.map(oneLine).join(" ")}`, {
        fix: "mend that on the host, then run again: what the registry has is not sent again",
    });
}

/** An importer whose connection was lost without its host noticing is ended: two would push the same images. */
function startScript(command: readonly string[], request: string): string {
    const file = shellWord(`${request}/pid`);
    return [
        `former=$(cat ${file} 2>/dev/null) && grep -qs remote-import "/proc/$former/cmdline" && kill "$former"`,
        `echo $$ > ${file}`,
        `exec ${shellCommand(...command)}`,
    ].join("\n");
}

async function checked(
    session: HostSession,
    script: string,
    { signal }: HostImport,
    problem: string,
    stdin?: Readable,
): Promise<string> {
    const { status, stdout, stderr } = await session.run(script, { signal, stdin });
    if (status === 0) return stdout;
    const said = oneLine(stderr.trim().split("\n").at(-1) ?? "");
    throw failed(session, `${problem}: ${said === "" ? `status ${status}` : said}`, {
        fix: "mend that on the host (free disk space, rights of the folder), and run again",
    });
}

function failed({ connection }: { readonly connection: HostConnection }, problem: string, { fix }: { fix: string }) {
    return new PassthroughError(problem, {
        code: "REMOTE_IMPORT_FAILED",
        thing: `host ${hostLabel(connection)}`,
        fix,
    });
}
