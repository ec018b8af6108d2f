import { INSTANCES, type Instance } from "../openshift/deployed-registry";
import { type HostSession, shellCommand, shellWord, writeHostFile } from "../ssh";
import { runAsRoot } from "./host-command";
import {
    CONFIGURATION_LABEL,
    CONTAINERS,
    type HostRegistry,
    PLACES,
    RULES_TABLE,
    UNITS,
    UNIT_FOLDER,
    unitsOf,
} from "./host-registry";
import { fileHash, registryFiles, registryFolders } from "./registry-files";
import { START_SECONDS, configurationOf } from "./registry-units";

/** Of the start that a unit allows, of the stop before it, and of a look at it afterwards. */
const START_TIMEOUT = START_SECONDS + 120;
/** Looks at an instance that was started, one each second: podman says that it runs before the registry has read anything. */
const LOOKS = 3;

/**
 * Makes the folders of the registry, and says whose they are: the first thing that is written.
 * @throws PassthroughError `HOST_COMMAND_FAILED`
 */
export async function makeFolders(
    session: HostSession,
    registry: Pick<HostRegistry, "directory" | "owner">,
): Promise<void> {
    const [first = registry.directory, ...folders] = registryFolders(registry);
    const what = `${registry.directory} cannot be made`;
    const fix =
        "mend that on the host (rights, a read-only file system), or choose another site.registry.deploy.host.directory";
    const file = shellWord(`${first}/${PLACES.owner}`);
    const command = [
        "set -e; umask 077",
        shellCommand("mkdir", "-p", "--", first),
        // Before anything else is in it: a directory that has something, and no owner, is somebody else's.
        `[ -s ${file} ] || echo ${shellWord(registry.owner)} > ${file}`,
        shellCommand("mkdir", "-p", "--", ...folders),
    ].join("\n");
    await runAsRoot(session, command, { what, fix });
}

/**
 * Writes what differs, and starts again what was started with something else. Each step can be repeated: what a run that was
 * ended has left, the next one finishes.
 * @param onStep called with what is done next
 * @throws PassthroughError `HOST_COMMAND_FAILED` with the host's words
 */
export async function applyRegistry(
    session: HostSession,
    registry: HostRegistry,
    onStep: (text: string) => void,
): Promise<void> {
    onStep("writing its files");
    const hashes = await hostHashes(
        session,
        registryFiles(registry).map(({ path }) => path),
    );
    for (const file of registryFiles(registry)) {
        if (hashes.get(file.path) !== fileHash(file)) await writeHostFile(session, file, { root: true });
    }
    const fix = `log in, and look at: systemctl status ${unitsOf(registry).join(" ")}`;
    await runAsRoot(session, `systemctl daemon-reload && systemctl enable --quiet ${unitsOf(registry).join(" ")}`, {
        ...{ what: "the units of the registry are not accepted", fix },
    });
    onStep("closing its door");
    if (registry.allowedFrom.length === 0) await openDoor(session);
    else await closeDoor(session, registry);
    for (const instance of INSTANCES) {
        onStep(`starting the instance for ${instance === "pull" ? "pulls" : "pushes"}`);
        await startInstance(session, registry, instance);
    }
}

/** Path -> hash of the file; no entry: it does not exist. */
export async function hostHashes(session: HostSession, paths: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const command = [
        `for file in ${shellCommand(...paths)}; do`,
        '    if [ -e "$file" ]; then sha256sum < "$file" || exit 1; else echo; fi',
        "done",
    ].join("\n");
    const what = "files of the registry cannot be read";
    const printed = await runAsRoot(session, command, { what, fix: "look at the host's disk" });
    const hashes = printed.split("\n").map((line) => line.slice(0, 64));
    return new Map(paths.flatMap((path, index) => (hashes[index] ? [[path, hashes[index]] as const] : [])));
}

async function startInstance(session: HostSession, registry: HostRegistry, instance: Instance): Promise<void> {
    const unit = UNITS[instance];
    const wanted = configurationOf(registry, instance);
    const isActive = `systemctl is-active --quiet ${unit}`;
    const command = [
        `running=$(podman container inspect --format '{{index .Config.Labels "${CONFIGURATION_LABEL}"}}' ${CONTAINERS[instance]} 2>/dev/null)`,
        `if [ "$running" = ${wanted} ] && ${isActive}; then exit 0; fi`,
        `{ systemctl restart ${unit}${` && sleep 1 && ${isActive}`.repeat(LOOKS)}; } ||`,
        // The unit's own words are in the journal.
        `{ journalctl --no-pager --quiet --output=cat --lines=5 --unit=${unit} >&2; exit 1; }`,
    ].join("\n");
    const what = `the instance for ${instance === "pull" ? "pulls" : "pushes"} does not start`;
    const fix = `log in, and look at: journalctl -u ${unit}`;
    await runAsRoot(session, command, { what, fix, timeoutSeconds: START_TIMEOUT });
}

/**
 * The rules are checked before those in force are replaced, which nft(8) does in one step. The unit is not restarted: the
 * instances require it, and systemd would restart them too (systemd.unit(5), Requires=).
 */
async function closeDoor(session: HostSession, { directory }: HostRegistry): Promise<void> {
    const file = shellWord(`${directory}/${PLACES.firewall}`);
    const what = "the rules for who reaches the registry are not accepted";
    const fix = `log in, and look at: nft -c -f ${directory}/${PLACES.firewall}`;
    await runAsRoot(session, `nft -c -f ${file} && systemctl start ${UNITS.firewall} && nft -f ${file}`, { what, fix });
}

/** Takes away the rules that were there before. */
async function openDoor(session: HostSession): Promise<void> {
    const unit = `${UNIT_FOLDER}/${UNITS.firewall}`;
    const command = [
        "set -e",
        `if [ -e ${unit} ]; then systemctl disable --now --quiet ${UNITS.firewall}; rm -f ${unit}; systemctl daemon-reload; fi`,
        `if command -v nft >/dev/null && nft list table ${RULES_TABLE} >/dev/null 2>&1; then nft delete table ${RULES_TABLE}; fi`,
    ].join("\n");
    const what = "the rules for who reaches the registry cannot be taken away";
    await runAsRoot(session, command, { what, fix: `log in, and look at: nft list table ${RULES_TABLE}` });
}

/**
 * Takes away all but the content and the image, or all but the image. Each step can be repeated.
 * @throws PassthroughError `HOST_COMMAND_FAILED`
 */
export async function removeRegistry(
    session: HostSession,
    { directory }: Pick<HostRegistry, "directory">,
    { removesContent }: { readonly removesContent: boolean },
): Promise<void> {
    const { config, certificate, accounts, firewall, image } = PLACES;
    const places = [config, certificate, accounts, firewall, image].map((place) => `${directory}/${place}`);
    const units = [UNITS.pull, UNITS.push];
    const command = [
        "set -e",
        `for unit in ${units.join(" ")}; do`,
        `    [ ! -e ${UNIT_FOLDER}/$unit ] || systemctl disable --now --quiet $unit; rm -f ${UNIT_FOLDER}/$unit`,
        "done",
        "systemctl daemon-reload",
    ].join("\n");
    const facts = { what: "the registry cannot be removed", fix: "mend that on the host, and run again" };
    await runAsRoot(session, command, facts);
    await openDoor(session);
    const removal = removesContent ? contentRemoval(directory) : shellCommand("rm", "-rf", "--", ...places);
    await runAsRoot(session, removal, { ...facts, timeoutSeconds: 3600 });
}

/**
 * The owner goes last: without it, what a run that was ended has left would be somebody else's. A mount point stays, empty.
 */
function contentRemoval(directory: string): string {
    const [folder, owner] = [shellWord(directory), shellWord(`${directory}/${PLACES.owner}`)];
    return [
        "set -e",
        `if [ -d ${folder} ]; then`,
        `    find ${folder} -mindepth 1 -maxdepth 1 ! -name ${PLACES.owner} ! -name lost+found -exec rm -rf -- {} +`,
        `    rm -f -- ${owner}`,
        `    rmdir -- ${folder} 2>/dev/null || :`,
        "fi",
    ].join("\n");
}
