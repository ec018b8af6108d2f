import { z } from "zod";
import { parseJson } from "../errors/text";
import { PassthroughError } from "../errors/errors";
import { type HostSession, hostError, hostLabel, shellWord, writeHostFile } from "../ssh";
import { asRoot } from "./host-script";
import {
    INSTALLED_KINDS,
    type Installation,
    type InstallationSecrets,
    type InstallerArchive,
    installationPaths,
} from "./installation";
import { compareVersions, parseVersion } from "./versions";

const installer = z.object({ version: z.string(), sha256: z.string() });

const installationRecord = z.object({
    format: z.literal(1),
    owner: z.string(),
    kind: z.enum(INSTALLED_KINDS),
    /** What runs, with the SHA-256 of files that it has written; absent: the first installation was not completed. */
    installed: installer.extend({ sums: z.record(z.string(), z.string()) }).optional(),
    /** An installer that was started, and was not completed. */
    started: installer.optional(),
});

/** What a host knows of the installation in a folder of it: no secrets. */
export type InstallationRecord = Readonly<z.infer<typeof installationRecord>>;

const secretsSchema = z.object({
    password: z.string().min(1),
    initial: z.string().optional(),
    database: z.string().optional(),
});

/** @returns undefined: nothing was installed there @throws PassthroughError if it is not of this program */
export async function readRecord(
    session: HostSession,
    installation: Pick<Installation, "directory">,
): Promise<InstallationRecord | undefined> {
    const { record } = installationPaths(installation);
    const text = await readFile(session, record);
    if (text === "") return undefined;
    const parsed = installationRecord.safeParse(parseJson(text));
    if (parsed.success) return parsed.data;
    throw hostError(session.connection, "HOST_COMMAND_FAILED", "it is no record of an installation", {
        thing: record,
        fix: "restore it from a backup of the host, or choose another site.registry.deploy.installer.directory",
    });
}

/** Writes it in one step. */
export async function writeRecord(
    session: HostSession,
    installation: Installation,
    record: Omit<InstallationRecord, "format" | "owner" | "kind">,
): Promise<void> {
    const { owner, kind } = installation;
    const content = `${JSON.stringify({ format: 1, owner, kind, ...record } satisfies InstallationRecord)}\n`;
    await writeHostFile(session, { path: installationPaths(installation).record, content, mode: "0600" }, AS_ROOT);
}

/**
 * The secrets that an installation was made with, and those that a run which was ended has left for the next one.
 * @param record of the installation; undefined: there is none, and nothing of it
 * @returns undefined: there are none yet
 * @throws PassthroughError `HOST_COMMAND_FAILED` if a registry that was set up has lost them: others would lock everybody out
 */
export async function readSecrets(
    session: HostSession,
    installation: Installation,
    record: InstallationRecord | undefined,
): Promise<InstallationSecrets | undefined> {
    if (record === undefined) return undefined;
    const { secrets } = installationPaths(installation);
    const text = await readFile(session, secrets);
    const parsed = secretsSchema.safeParse(parseJson(text));
    if (parsed.success) return parsed.data;
    if (record.installed === undefined) return undefined;
    const problem = text === "" ? "it does not exist" : "it has no passwords of an installation";
    throw hostError(session.connection, "HOST_COMMAND_FAILED", `${problem}, and the state of the stack has none`, {
        thing: secrets,
        fix: "restore it, or the state of the stack, from a backup: the registry was set up with the passwords in it",
    });
}

/** Keeps the secrets on the host, for root, before they are used: an `up` that is killed then has lost none. */
export async function writeSecrets(
    session: HostSession,
    installation: Installation,
    secrets: InstallationSecrets,
): Promise<void> {
    const content = `${JSON.stringify(secrets)}\n`;
    await writeHostFile(session, { path: installationPaths(installation).secrets, content, mode: "0600" }, AS_ROOT);
}

/**
 * That an installation is this stack's, of the same kind.
 * @throws PassthroughError `HOST_IN_USE`
 */
export function requireOwn(session: HostSession, record: InstallationRecord, installation: Installation): void {
    const { owner, kind, directory } = installation;
    if (record.owner === owner && record.kind === kind) return;
    const what = record.owner === owner ? `${record.kind}, and not ${kind}` : `${record.kind} of ${record.owner}`;
    throw hostError(session.connection, "HOST_IN_USE", `${directory} has ${what}`, {
        thing: "site.registry.deploy.installer.directory",
        fix: "name another folder or host, or remove what is there with the stack that installed it",
    });
}

/** The newest installer that was run, completed or not: its database may have been changed already. */
export function newestRun({ installed, started }: InstallationRecord): string | undefined {
    if (installed === undefined || started === undefined) return installed?.version ?? started?.version;
    return compareVersions(installed.version, started.version) > 0 ? installed.version : started.version;
}

/**
 * That a version may follow another: never an older one, and with Harbor none that its documentation does not cover
 * (goharbor.io/docs/2.12.0/administration/upgrade: "from v2.10.0 and later", and alike for the other releases).
 * @param former undefined: nothing is installed
 * @throws PassthroughError `CONFIG_INVALID`
 */
export function requireUpgrade(
    former: string | undefined,
    {
        kind,
        installer: { version },
    }: Pick<Installation, "kind"> & { readonly installer: Pick<InstallerArchive, "version"> },
    host?: HostSession["connection"],
): void {
    if (former === undefined) return;
    const at = host === undefined ? {} : { place: { host: hostLabel(host) } };
    const refuse = (problem: string, fix: string) =>
        new PassthroughError(problem, { code: "CONFIG_INVALID", thing: VERSION_KEY, fix, ...at });
    if (compareVersions(version, former) < 0) {
        const problem = `${former} is there, and its database may not be taken back to ${version}`;
        throw refuse(problem, `name the installer of ${former} or a newer one`);
    }
    const [before, after] = [parseVersion(former), parseVersion(version)];
    if (kind !== "harbor" || before === undefined || after === undefined) return;
    if (before[0] === after[0] && after[1] - before[1] <= HARBOR_STEP) return;
    const last = `${before[0]}.${before[1] + HARBOR_STEP}`;
    throw refuse(
        `Harbor is upgraded over at most ${HARBOR_STEP} minor versions, and ${former} is there`,
        `name an installer of Harbor ${last} first, and that of ${version} after the next up`,
    );
}

const VERSION_KEY = "site.registry.deploy.installer.version";
const HARBOR_STEP = 2;
const AS_ROOT = { root: true } as const;

/** Its text; "" if it does not exist. */
async function readFile(session: HostSession, path: string): Promise<string> {
    const file = shellWord(path);
    return asRoot(session, { thing: path }, [`if [ -e ${file} ]; then cat ${file}; fi`]);
}
