import { type HostSession, hostError, shellCommand, shellWord } from "../../ssh";
import { type KnownFailure, installerError, installerStep } from "../failure";
import { asRoot, readFacts } from "../host-script";
import {
    ADMINISTRATOR,
    type Difference,
    type Installation,
    type InstalledFile,
    type InstallerPart,
    type InstallerSteps,
    type InstallerWork,
    installationPaths,
} from "../installation";
import { runExclusively } from "../installer-run";
import { compareVersions, parseVersion } from "../versions";
import { closeRegistry, findOpenConfiguration, openDifference, restoreConfiguration } from "./configuration";
import { REQUIREMENTS } from "./requirements";

/**
 * mirror-registry, set up by its own installer (github.com/quay/mirror-registry): flags as of cmd/install.go, cmd/upgrade.go
 * and cmd/uninstall.go, units and files as of the role mirror_appliance. As root its units are those of the system.
 */

/** Each Requires the one before it (templates/redis.service.j2, quay.service.j2). */
const UNITS = ["quay-pod", "quay-redis", "quay-app"] as const;
/** Image archives of several GB are loaded, then Quay is waited for: up to ten times 30 s (wait-for-quay.yaml). */
const MINUTES = 60;

/** Dockerfile, "Bundle mirror registry archive". */
const PARTS: readonly InstallerPart[] = [
    { path: "mirror-registry", otherwise: "no installer of mirror-registry" },
    { path: "execution-environment.tar", otherwise: "no installer of mirror-registry" },
    { path: "image-archive.tar", otherwise: "the online installer, which pulls its images from registry.redhat.io" },
];

const KNOWN: readonly KnownFailure[] = [
    {
        // ansible's words when its own SSH connection fails.
        pattern: /UNREACHABLE!/,
        problem: "the installer works over an SSH connection of root to localhost, which was not made",
        fix:
            "on the host, let root log in with a key from localhost (PermitRootLogin prohibit-password), with sshd at port 22; " +
            "then run again",
    },
    {
        pattern: /Failed verifying certificate|certificate is (valid for|not valid)|doesn't contain any/,
        problem: "it does not take the certificate",
        fix: "use a certificate that is valid now and for the host of site.registry.mirrorBase",
    },
    {
        pattern: /Quay did not become alive/,
        problem: "Quay was started and does not answer",
        fix: "look at it on the host (journalctl -u quay-app), mend that, and run again",
    },
    {
        // tasks/uninstall.yaml has `become`, also where it logs in as root.
        pattern: /sudo: (command )?not found/,
        problem: "its removal becomes root by sudo, also as root, and the host has none",
        fix: "install sudo on the host, and run again",
    },
];

const LOOK_AT_QUAY = "look at it on the host: journalctl -u quay-app";

/** Where the installer keeps what it makes. */
function paths({ directory }: Pick<Installation, "directory">) {
    return {
        root: `${directory}/quay`,
        storage: `${directory}/storage`,
        sqlite: `${directory}/sqlite`,
        config: `${directory}/quay/quay-config/config.yaml`,
        certificate: `${directory}/quay/quay-config/ssl.cert`,
        key: `${directory}/quay/quay-config/ssl.key`,
        /** The configuration as the installer wrote it. */
        written: `${directory}/config.yaml`,
    };
}

/**
 * Installs it; also after an installation that was not completed, which is removed first: before 2.0.11 the installer makes
 * new secrets each time and keeps the former password of Redis (tasks/secret-vars.yaml, install-redis-service.yaml), and
 * then Quay does not start.
 */
async function install(work: InstallerWork): Promise<void> {
    const { session, installation, unpacked, secrets } = work;
    await requireVersion(session, installation, unpacked);
    await removeIncomplete(session, installation);
    const { certificate, key } = installationPaths(installation);
    const flags = [...["--sslCert", certificate, "--sslKey", key], ...["--initUser", ADMINISTRATOR]];
    // As an argument, since there is no other way: a password that is replaced as soon as Quay answers.
    await runInstaller(work, "install", flags, { readsPassword: true, hidden: [secrets.initial ?? ""] });
    if (await closeRegistry(session, paths(installation))) await restartQuay(session);
}

/** Another version; also the same one, whose units are written anew. Content, configuration and accounts stay. */
async function upgrade(work: InstallerWork): Promise<void> {
    await requireVersion(work.session, work.installation, work.unpacked);
    await runInstaller(work, "upgrade", [], { hidden: [] });
    await renewCertificate(work);
    if (await closeRegistry(work.session, paths(work.installation))) await restartQuay(work.session);
}

/** Puts certificate and key where Quay reads them, and starts it again: a minute without an answer. */
async function renewCertificate({ session, installation }: InstallerWork): Promise<void> {
    const from = installationPaths(installation);
    const to = paths(installation);
    const isSame = shellCommand("cmp", "-s", from.certificate, to.certificate);
    await asRoot(session, { thing: to.certificate }, [
        // install-quay-service.yaml, "Set certificate permissions": Quay is no root in its container.
        `if ${isSame} && ${shellCommand("cmp", "-s", from.key, to.key)}; then exit 0; fi`,
        shellCommand("install", "-m", "0644", from.key, `${to.key}.new`),
        shellCommand("install", "-m", "0644", from.certificate, `${to.certificate}.new`),
        shellCommand("mv", "-f", `${to.key}.new`, to.key),
        shellCommand("mv", "-f", `${to.certificate}.new`, to.certificate),
        RESTART_QUAY,
    ]);
}

const RESTART_QUAY = "systemctl restart quay-app.service";

async function restartQuay(session: HostSession): Promise<void> {
    await asRoot(session, { thing: "quay-app.service", fix: LOOK_AT_QUAY }, [RESTART_QUAY]);
}

/** Mends what is different, without touching content and accounts. */
async function repair(work: InstallerWork, differences: readonly Difference[]): Promise<void> {
    const { session, installation } = work;
    const parts = new Set(differences.map(({ part }) => part));
    if (parts.has("configuration")) {
        await restoreConfiguration(session, paths(installation));
        await closeRegistry(session, paths(installation));
        // Also where it is as it should be: a run that was ended here may have written it.
        if (!parts.has("installation")) await restartQuay(session);
    }
    if (parts.has("installation")) return upgrade(work);
    if (parts.has("certificate")) await renewCertificate(work);
    if (!parts.has("service")) return;
    const units = UNITS.map((unit) => `${unit}.service`);
    await asRoot(session, { thing: "quay-app.service", fix: LOOK_AT_QUAY }, [
        `systemctl enable --quiet ${units.join(" ")}`,
        `systemctl reset-failed ${units.join(" ")} || true`,
        ...units.map((unit) => `systemctl start ${unit}`),
    ]);
}

/** What of its units and its certificate is not as it was installed. */
async function look(session: HostSession, installation: Installation): Promise<readonly Difference[]> {
    const { certificate, config } = paths(installation);
    const facts = readFacts(
        await asRoot(session, { thing: "mirror-registry" }, [
            // Fails where systemd itself cannot be asked: then nothing is known.
            "systemctl show --property=Version > /dev/null",
            ...UNITS.map((unit) => `echo "unit ${unit} "$(systemctl show --property=${STATES} ${unit}.service)`),
            `${shellCommand("cmp", "-s", installationPaths(installation).certificate, certificate)} || echo other-certificate`,
            ...findOpenConfiguration({ config }),
        ]),
    );
    return [
        ...(facts.get("unit") ?? []).flatMap(unitDifference),
        ...(facts.has("other-certificate")
            ? [{ part: "certificate", text: `${certificate} is another certificate` } as const]
            : []),
        ...(facts.has("open-configuration") ? [openDifference({ config })] : []),
    ];
}

/** Stops it for good. Everything else stays, and the same stack takes it into use again. */
async function stop(session: HostSession): Promise<void> {
    await asRoot(session, { thing: "quay-app.service" }, [
        `for unit in ${[...UNITS].reverse().join(" ")}; do`,
        `    state=$(systemctl show --property=LoadState --value $unit.service)`,
        `    if [ "$state" = loaded ]; then systemctl disable --quiet --now $unit.service; fi`,
        "done",
    ]);
}

/** Removes it with its content. Without `--verbose` it does not print what Ansible says (cmd/uninstall.go). */
async function uninstall(work: InstallerWork): Promise<void> {
    await runInstaller(work, "uninstall", ["--verbose", "--autoApprove"], { hidden: [] });
}

/** What the installer writes and nobody else is to change. */
function files(installation: Installation): readonly InstalledFile[] {
    const { config } = paths(installation);
    return [
        { name: config, word: shellWord(config), part: "configuration" },
        ...UNITS.map((unit) => {
            const word = `"$(systemctl show --property=FragmentPath --value ${unit}.service)"`;
            return { name: `${unit}.service`, word, part: "installation" } as const;
        }),
    ];
}

/** What was never completed has nothing in it that anybody uses. */
async function removeIncomplete(session: HostSession, installation: Installation): Promise<void> {
    const { root, sqlite } = paths(installation);
    await stop(session);
    await asRoot(session, { thing: root }, [
        // Fails where there is none.
        "podman secret rm redis_pass > /dev/null 2>&1 || true",
        shellCommand("rm", "-rf", root, sqlite),
    ]);
}

interface InstallerRun {
    /** Gets the password on its standard input, and gives it to the installer. */
    readonly readsPassword?: boolean;
    /** Secrets that it may print. */
    readonly hidden: readonly string[];
}

async function runInstaller(
    { session, installation, unpacked, secrets, signal, onProgress }: InstallerWork,
    command: "install" | "upgrade" | "uninstall",
    flags: readonly string[],
    { readsPassword = false, hidden }: InstallerRun,
): Promise<void> {
    const { root, storage, sqlite } = paths(installation);
    const { host, port } = installation;
    const places = ["--quayRoot", root, "--quayStorage", storage, "--sqliteStorage", sqlite];
    const words = [
        ...["./mirror-registry", command, "--no-color"],
        // Over SSH to this host itself, which is how it knows that it is not a remote one (cmd/utils.go, isLocalInstall).
        ...["--targetHostname", "localhost", "--targetUsername", "root"],
        ...(command === "uninstall" ? [] : ["--quayHostname", `${host}:${port}`]),
        ...[...places, ...flags],
    ];
    const password = readsPassword ? ' --initPassword "$initial"' : "";
    const result = await runExclusively(
        session,
        installation,
        [
            // It unpacks its images into the current folder.
            `cd ${shellWord(unpacked)} || exit 1`,
            ...(readsPassword ? ["read -r initial"] : []),
            `${shellCommand(...words)}${password} < /dev/null`,
        ],
        {
            ...(readsPassword ? { stdin: `${secrets.initial ?? ""}\n` } : {}),
            timeoutSeconds: MINUTES * 60,
            signal,
            output: (line) => {
                const step = installerStep(line);
                if (step !== undefined) onProgress?.(`mirror-registry ${command}: ${step}`);
            },
        },
    );
    if (result.status === 0) return;
    throw installerError(session, `mirror-registry ${command}`, result, { known: KNOWN, secrets: hidden });
}

/** That the program is of the version that the site names, if it says which it is (cmd/root.go, releaseVersion). */
async function requireVersion(session: HostSession, { installer }: Installation, unpacked: string): Promise<void> {
    const program = `${unpacked}/mirror-registry`;
    const printed = await asRoot(session, { thing: program }, [`${shellWord(program)} --version`]);
    const said = /mirror-registry version (\S+)/.exec(printed)?.[1] ?? "";
    if (parseVersion(said) === undefined || compareVersions(said, installer.version) === 0) return;
    throw hostError(session.connection, "INSTALLER_INVALID", `it is of version ${said}, not ${installer.version}`, {
        thing: installer.path,
        fix: "correct site.registry.deploy.installer.version, or name the archive of that version",
    });
}

/** Properties of a unit (org.freedesktop.systemd1.Unit). */
const STATES = "LoadState,ActiveState,SubState,UnitFileState";

/** @param text `quay-app LoadState=loaded ActiveState=activating SubState=auto-restart UnitFileState=enabled` */
function unitDifference(text: string): Difference[] {
    const [unit = "", ...pairs] = text.split(" ");
    const of = Object.fromEntries(pairs.map((pair) => pair.split("="))) as Record<string, string>;
    const { LoadState = "", ActiveState = "", SubState = "", UnitFileState = "" } = of;
    const name = `${unit}.service`;
    if (LoadState !== "loaded") return [{ part: "installation", text: `${name} is ${LoadState}` }];
    if (ActiveState !== "active") return [{ part: "service", text: `${name} is ${ActiveState} (${SubState})` }];
    return UnitFileState === "enabled" ? [] : [{ part: "service", text: `${name} is ${UnitFileState}` }];
}

/** mirror-registry, by its own installer. */
export const mirrorRegistrySteps: InstallerSteps = {
    parts: () => PARTS,
    foreign: `for unit in ${UNITS.join(" ")}; do state=$(systemctl show --property=LoadState --value $unit.service); [ "$state" != loaded ] || echo "foreign $unit.service"; done`,
    requirements: REQUIREMENTS,
    files,
    install,
    upgrade,
    repair,
    renewCertificate,
    look,
    stop,
    uninstall,
};
