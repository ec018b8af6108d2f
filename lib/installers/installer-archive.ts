import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { PassthroughError, errorMessage } from "../errors/errors";
import { formatBytes } from "../errors/text";
import { type HostSession, hostError, shellCommand, shellWord, writeHostFile } from "../ssh";
import { asRoot, tryAsRoot } from "./host-script";
import {
    type Installation,
    type InstallerArchive,
    type InstallerPart,
    installationPaths,
    unpackedInstaller,
} from "./installation";

const KEY = "site.registry.deploy.installer";

/** What brings an installer to a host. */
export interface ArchiveOptions {
    /** What of it must be there after unpacking, as paths in it, with why. */
    readonly needs: readonly InstallerPart[];
    readonly signal?: AbortSignal | undefined;
    readonly onProgress?: ((text: string) => void) | undefined;
}

/**
 * Unpacks the installer on the host, once: the archive is copied from this machine unless it is on the host, and its
 * checksum is compared before anything of it is unpacked.
 * @returns the folder of the unpacked installer
 * @throws PassthroughError `INSTALLER_INVALID`, `HOST_COMMAND_FAILED`
 */
export async function bringInstaller(
    session: HostSession,
    installation: Installation,
    { needs, signal, onProgress }: ArchiveOptions,
): Promise<string> {
    const { installer } = installation;
    const folder = unpackedInstaller(installation, installer);
    if (await isUnpacked(session, folder)) return folder;
    const { installers } = installationPaths(installation);
    await asRoot(session, { thing: installers }, [shellCommand("mkdir", "-p", "-m", "0700", installers)]);
    const archive = installer.isOnHost ? installer.path : await copyArchive(session, installation, onProgress);
    onProgress?.("comparing the checksum of the installer on the host");
    await requireChecksum(session, installer, archive);
    onProgress?.("unpacking the installer");
    await unpack(session, { archive, folder, needs, signal });
    if (!installer.isOnHost) await asRoot(session, { thing: archive }, [shellCommand("rm", "-f", archive)]);
    return folder;
}

/** Removes the installers of other versions. */
export async function removeOtherInstallers(session: HostSession, installation: Installation): Promise<void> {
    const { installers } = installationPaths(installation);
    const kept = unpackedInstaller(installation, installation.installer).slice(installers.length + 1);
    await asRoot(session, { thing: installers }, [
        `cd ${shellWord(installers)}`,
        `for one in *; do if [ "$one" != ${shellWord(kept)} ] && [ -e "$one" ]; then rm -rf -- "$one"; fi; done`,
    ]);
}

/**
 * That the archive on this machine is the one that is meant.
 * @throws PassthroughError `INSTALLER_INVALID`
 */
async function requireLocalArchive({ path, sha256 }: InstallerArchive, signal?: AbortSignal): Promise<number> {
    const hash = createHash("sha256");
    let bytes = 0;
    try {
        if (!(await stat(path)).isFile()) throw new Error("it is no file");
        for await (const chunk of createReadStream(path, { signal })) {
            hash.update(chunk as Buffer);
            bytes += (chunk as Buffer).length;
        }
    } catch (error) {
        signal?.throwIfAborted();
        throw invalid(
            `it cannot be read: ${errorMessage(error)}`,
            path,
            `correct ${KEY}.file; relative paths start at the project's folder`,
        );
    }
    const found = hash.digest("hex");
    if (found !== sha256) throw invalid(`its SHA-256 is ${found}`, path, CHECKSUM_FIX);
    return bytes;
}

const CHECKSUM_FIX = `compare it with what its publisher says, copy the archive again, and correct ${KEY}.sha256 if that is wrong`;

function invalid(problem: string, thing: string, fix: string): PassthroughError {
    return new PassthroughError(problem, { code: "INSTALLER_INVALID", thing, fix });
}

async function isUnpacked(session: HostSession, folder: string): Promise<boolean> {
    return (await tryAsRoot(session, [shellCommand("test", "-e", `${folder}/${COMPLETE}`)])).status === 0;
}

/** In the folder of an installer that was unpacked to its end. */
const COMPLETE = ".complete";

/** What is already there of a former try is taken, if it is all of it. */
async function copyArchive(
    session: HostSession,
    installation: Installation,
    onProgress: ArchiveOptions["onProgress"],
): Promise<string> {
    const { installer } = installation;
    const path = `${unpackedInstaller(installation, installer)}.archive`;
    const there = await tryAsRoot(session, [`sha256sum < ${shellWord(path)}`]);
    if (there.status === 0 && there.stdout.startsWith(installer.sha256)) return path;
    onProgress?.("reading the installer");
    const bytes = await requireLocalArchive(installer);
    onProgress?.(`copying the installer to the host (${formatBytes(bytes)})`);
    const content = { stream: createReadStream(installer.path), bytes };
    await writeHostFile(session, { path, content, mode: "0600" }, { root: true });
    return path;
}

/** @throws PassthroughError `INSTALLER_INVALID` */
async function requireChecksum(session: HostSession, { sha256 }: InstallerArchive, archive: string): Promise<void> {
    const fix = `correct ${KEY}.fileOnHost, or copy the archive there`;
    const printed = await asRoot(session, { thing: archive, fix }, [`sha256sum < ${shellWord(archive)}`]);
    const found = printed.slice(0, 64);
    if (found === sha256) return;
    throw hostError(session.connection, "INSTALLER_INVALID", `its SHA-256 is ${found}`, {
        thing: archive,
        fix: CHECKSUM_FIX,
    });
}

interface Unpacking extends Pick<ArchiveOptions, "needs" | "signal"> {
    readonly archive: string;
    readonly folder: string;
}

/** All of it, or nothing: a disk that gets full, and an archive that ends early, leave no folder behind. */
async function unpack(session: HostSession, { archive, folder, needs, signal }: Unpacking): Promise<void> {
    const partial = `${folder}.partial`;
    const [from, to, half] = [archive, folder, partial].map(shellWord);
    const fix = "make room on the host, or copy the archive again if it is damaged; then run again";
    const missing = await asRoot(
        session,
        { thing: archive, fix },
        [
            `rm -rf ${half} ${to}; mkdir -m 0700 ${half}`,
            `trap 'rm -rf ${half?.replaceAll("'", `'\\''`) ?? ""}' EXIT`,
            `tar --no-same-owner -xf ${from} -C ${half}`,
            ...needs.map(
                ({ path }) => `if [ ! -e ${half}/${shellWord(path)} ]; then echo ${shellWord(path)}; exit 0; fi`,
            ),
            ...[`: > ${half}/${COMPLETE}`, "sync", `mv ${half} ${to}`],
        ],
        { signal },
    );
    const [path] = missing.split("\n").filter(Boolean);
    if (path === undefined) return;
    const { otherwise = "another archive" } = needs.find((part) => part.path === path) ?? {};
    throw hostError(session.connection, "INSTALLER_INVALID", `it has no ${path}: it is ${otherwise}`, {
        thing: archive,
        fix: `name the offline installer of this version in ${KEY}.file`,
    });
}
