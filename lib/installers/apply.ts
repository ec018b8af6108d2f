import { createHash, randomBytes } from "node:crypto";
import { type HostSession, hostError, shellCommand, shellWord, writeHostFile } from "../ssh";
import { harborSteps } from "./harbor/steps";
import { asRoot, readFacts } from "./host-script";
import {
    type Difference,
    type Installation,
    type InstallationSecrets,
    type InstalledFile,
    type InstalledKind,
    type InstallerSteps,
    type InstallerWork,
    installationPaths,
    unpackedInstaller,
} from "./installation";
import { bringInstaller, removeOtherInstallers } from "./installer-archive";
import { runExclusively } from "./installer-run";
import { mirrorRegistrySteps } from "./mirror-registry/steps";
import { requireReadyAddress, requireReadyHost } from "./preflight";
import {
    type InstallationRecord,
    newestRun,
    readRecord,
    readSecrets,
    requireOwn,
    requireUpgrade,
    writeRecord,
    writeSecrets,
} from "./record";

const STEPS: Readonly<Record<InstalledKind, InstallerSteps>> = {
    harbor: harborSteps,
    "mirror-registry": mirrorRegistrySteps,
};

/** What an installation gets from the operation that it is part of. */
export interface InstallationOptions {
    readonly signal?: AbortSignal | undefined;
    readonly onProgress?: ((text: string) => void) | undefined;
    /** Milliseconds since 1970. */
    readonly now: number;
    /** Secrets of the state; undefined: there is none yet, or it was lost. */
    readonly secrets?: InstallationSecrets | undefined;
    /** It is there already, under another address of the host: a host without it is another one, and refused. */
    readonly mustExist?: boolean;
    /** Waits until the registry answers, and gives the administrator the password that stays. */
    readonly settle: (secrets: InstallationSecrets) => Promise<void>;
    /** Told before anything is written whether a registry was set up there before: one that clusters may use. */
    readonly onFound?: (ranBefore: boolean) => void;
    /** Told before anything is written, with the secrets that are used from now on. */
    readonly onSecrets: (secrets: InstallationSecrets) => void;
}

/**
 * Has a registry run on a host as it is configured: installs it, upgrades it, mends what is different, or shows another
 * certificate. A run that was ended anywhere is finished by the next one. Every check comes before the first write.
 * @throws PassthroughError `HOST_NOT_READY`, `HOST_IN_USE`, `CONFIG_INVALID` (an older version), `INSTALLER_INVALID`,
 * `INSTALLER_FAILED`, `HOST_COMMAND_FAILED`; those of `onHost` and of `settle`
 */
export async function applyInstallation(
    session: HostSession,
    installation: Installation,
    options: InstallationOptions,
): Promise<void> {
    const { signal, onProgress, now } = options;
    const steps = STEPS[installation.kind];
    const record = await readRecord(session, installation);
    if (record !== undefined) {
        requireOwn(session, record, installation);
        requireUpgrade(newestRun(record), installation, session.connection);
    }
    if (record === undefined && options.mustExist === true) throw missingError(session, installation);
    // The state has it: units without a folder are those of a disk that is not mounted.
    if (record === undefined && options.secrets !== undefined) await requireNothingLeft(session, installation, steps);
    if (record === undefined) await requireReadyHost(session, installation, steps, now);
    else if (record.installed === undefined) await requireReadyAddress(session, installation, steps);
    await makeFolder(session, installation);
    await requireNoInstaller(session, installation);
    const known = options.secrets ?? (await readSecrets(session, installation, record));
    const secrets = completeSecrets(installation.kind, known, record?.installed === undefined);
    options.onFound?.(record?.installed !== undefined);
    options.onSecrets(secrets);
    // First of all: what is there without it is somebody else's.
    if (record === undefined) await writeRecord(session, installation, { started: installerOf(installation) });
    await writeSecrets(session, installation, secrets);
    const unpacked = await bringInstaller(session, installation, {
        needs: steps.parts(installation.installer),
        signal,
        onProgress,
    });
    await writeCertificate(session, installation);
    const work = { session, installation, secrets, unpacked, signal, onProgress };
    await run(steps, work, record);
    await options.settle(secrets);
    const { initial: _, ...lasting } = secrets;
    options.onSecrets(lasting);
    const sums = await sumsOf(session, installation, steps.files(installation));
    await writeRecord(session, installation, { installed: { ...installerOf(installation), sums } });
    await writeSecrets(session, installation, lasting);
    await removeOtherInstallers(session, installation);
}

function missingError(session: HostSession, { directory }: Installation): Error {
    return hostError(session.connection, "HOST_NOT_READY", `nothing is installed in ${directory} of this host`, {
        thing: "site.registry.deploy.installer.host",
        fix:
            "name the host that the registry is on; to have it installed on a new one in its place, run up with the former address " +
            "leading there",
    });
}

async function run(steps: InstallerSteps, work: InstallerWork, record: InstallationRecord | undefined): Promise<void> {
    const { session, installation } = work;
    const installed = record?.installed;
    if (installed === undefined) return steps.install(work);
    const { version, sha256 } = installerOf(installation);
    if (record?.started !== undefined || installed.version !== version || installed.sha256 !== sha256) {
        await writeRecord(session, installation, { installed, started: { version, sha256 } });
        return steps.upgrade(work, installed);
    }
    const differences = await lookAt(session, installation, steps, installed.sums);
    if (differences.length > 0) await steps.repair(work, differences);
}

/**
 * What is not as it was installed; empty: nothing.
 * @throws PassthroughError if it cannot be found out
 */
export async function compareInstallation(
    session: HostSession,
    installation: Installation,
): Promise<readonly Difference[]> {
    const steps = STEPS[installation.kind];
    const record = await readRecord(session, installation);
    const { directory } = installation;
    if (record === undefined)
        return [{ part: "installation", text: `nothing is installed in ${directory}: is its disk mounted?` }];
    requireOwn(session, record, installation);
    if (record.installed === undefined || record.started !== undefined)
        return [{ part: "installation", text: "its installation was not completed" }];
    const { version, sha256 } = record.installed;
    if (version !== installation.installer.version)
        return [{ part: "installation", text: `${version} is installed, not ${installation.installer.version}` }];
    if (sha256 !== installation.installer.sha256)
        return [{ part: "installation", text: `${version} is installed from another archive (SHA-256 ${sha256})` }];
    return lookAt(session, installation, steps, record.installed.sums);
}

/**
 * Stops a registry for good; with its content it is uninstalled, and nothing of it stays.
 * @throws PassthroughError if the host cannot be reached or says no
 */
export async function removeInstallation(
    session: HostSession,
    installation: Installation,
    {
        removesContent,
        secrets,
        ...options
    }: Pick<InstallationOptions, "signal" | "onProgress"> & {
        readonly removesContent: boolean;
        readonly secrets: InstallationSecrets;
    },
): Promise<void> {
    const steps = STEPS[installation.kind];
    const record = await readRecord(session, installation);
    if (record === undefined) return requireNothingLeft(session, installation, steps);
    requireOwn(session, record, installation);
    await requireNoInstaller(session, installation);
    if (!removesContent) return steps.stop(session, installation);
    const unpacked = unpackedInstaller(installation, record.installed ?? installation.installer);
    if (record.installed !== undefined) {
        await steps.uninstall({ session, installation, secrets, unpacked, ...options });
        // Its installer goes now: the next run, if this one is ended, must not need it.
        await writeRecord(session, installation, { started: record.started ?? record.installed });
    } else await steps.stop(session, installation);
    await removeFolder(session, installation);
}

/** The record goes last: without it, what is left would be somebody else's. */
async function removeFolder(session: HostSession, installation: Installation): Promise<void> {
    const { directory } = installation;
    const [folder, record] = [directory, installationPaths(installation).record].map(shellWord);
    const kept = `! -path ${record} ! -name lost+found`;
    await asRoot(session, { thing: directory }, [
        `find -H ${folder} -mindepth 1 -maxdepth 1 ${kept} -exec rm -rf --one-file-system -- {} +`,
        `rm -f ${record}`,
        // A disk that is mounted there stays.
        `rmdir ${folder} 2> /dev/null || :`,
    ]);
}

/** @throws PassthroughError `HOST_NOT_READY` if the registry is on the host, and its folder is not */
async function requireNothingLeft(
    session: HostSession,
    { directory }: Installation,
    { foreign }: InstallerSteps,
): Promise<void> {
    const found = readFacts(await asRoot(session, { thing: directory }, [foreign])).get("foreign") ?? [];
    if (found.length === 0) return;
    const problem = `the host has ${found.join(", ")}, and nothing is installed in ${directory}: is its disk mounted?`;
    throw hostError(session.connection, "HOST_NOT_READY", problem, {
        thing: "site.registry.deploy.installer.directory",
        fix: "mount its disk, and run again; if what was on it is lost, remove these from the host by hand first",
    });
}

/** @throws PassthroughError `HOST_NOT_READY` if one that an earlier run has started still works */
async function requireNoInstaller(session: HostSession, installation: Installation): Promise<void> {
    const { status, stderr } = await runExclusively(session, installation, []);
    if (status === 0) return;
    throw hostError(session.connection, "HOST_COMMAND_FAILED", stderr.trim() || `flock ended with status ${status}`, {
        thing: installationPaths(installation).lock,
        fix: "mend that on the host (flock is of the package util-linux), and run again",
    });
}

function installerOf({ installer: { version, sha256 } }: Installation) {
    return { version, sha256 };
}

const PASSWORD_BYTES = 24;

/**
 * No character of them means anything to a shell, to YAML or to ansible; Harbor asks for both cases and a digit.
 * @param isNew a registry that is installed anew gets the password that is known
 */
function completeSecrets(
    kind: InstalledKind,
    known: InstallationSecrets | undefined,
    isNew: boolean,
): InstallationSecrets {
    const secret = (encoding: "hex" | "base64url") => randomBytes(PASSWORD_BYTES).toString(encoding);
    const password = known?.password ?? `${secret("base64url")}Pw1`;
    if (kind === "harbor") return { password, database: known?.database ?? secret("hex") };
    return isNew ? { password, initial: known?.initial ?? `i${secret("hex")}` } : { password };
}

/** For root alone: it has keys and, with Harbor, passwords in files that its installer makes. */
async function makeFolder(session: HostSession, { directory }: Installation): Promise<void> {
    await asRoot(session, { thing: directory }, [
        shellCommand("mkdir", "-p", directory),
        shellCommand("chmod", "0700", directory),
        shellCommand("mkdir", "-p", "-m", "0700", `${directory}/tls`),
    ]);
}

async function writeCertificate(session: HostSession, installation: Installation): Promise<void> {
    const { certificate, key } = installationPaths(installation);
    const { chain } = installation;
    await writeHostFile(session, { path: key, content: installation.key, mode: "0600" }, { root: true });
    await writeHostFile(session, { path: certificate, content: chain, mode: "0600" }, { root: true });
}

async function lookAt(
    session: HostSession,
    installation: Installation,
    steps: InstallerSteps,
    sums: Readonly<Record<string, string>>,
): Promise<readonly Difference[]> {
    const files = steps.files(installation);
    const now = await sumsOf(session, installation, [...files, certificateFile(installation)]);
    const changed = files.filter(({ name }) => now[name] !== sums[name]);
    const found = changed.map(({ name, part }): Difference => ({
        part,
        text: `${name} was ${now[name] === "" ? "removed" : "changed"}`,
    }));
    return [...found, ...certificateDifference(installation, now), ...(await steps.look(session, installation))];
}

/** A renewal that was ended before it wrote anything has left the former one, which the registry shows. */
function certificateDifference(installation: Installation, sums: Readonly<Record<string, string>>): Difference[] {
    const { name, part } = certificateFile(installation);
    const wanted = createHash("sha256").update(installation.chain).digest("hex");
    if (sums[name] === wanted) return [];
    return [{ part, text: sums[name] === "" ? `${name} was removed` : `${name} is another certificate` }];
}

function certificateFile(installation: Installation): InstalledFile {
    const { certificate } = installationPaths(installation);
    return { name: certificate, word: shellWord(certificate), part: "certificate" };
}

/** Name -> SHA-256; "" for a file that does not exist. */
async function sumsOf(
    session: HostSession,
    installation: Installation,
    files: readonly InstalledFile[],
): Promise<Readonly<Record<string, string>>> {
    const printed = await asRoot(session, { thing: installation.directory }, [
        ...files.map(({ word }) => `file=${word}; if [ -e "$file" ]; then sha256sum < "$file"; else echo; fi`),
    ]);
    const lines = printed.split("\n");
    return Object.fromEntries(files.map(({ name }, index) => [name, (lines[index] ?? "").slice(0, 64)]));
}
