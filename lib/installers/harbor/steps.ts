import { type HostSession, shellCommand, shellWord, writeHostFile } from "../../ssh";
import { installerError, installerStep } from "../failure";
import { asRoot, readFacts, tryAsRoot } from "../host-script";
import {
    type Difference,
    type Installation,
    type InstalledFile,
    type InstallerArchive,
    type InstallerSteps,
    type InstallerWork,
    type Requirements,
    installationPaths,
    unpackedInstaller,
} from "../installation";
import { runExclusively } from "../installer-run";
import { harborConfiguration, harborData } from "./configuration";

/**
 * Harbor, set up by its own offline installer (github.com/goharbor/harbor, make/install.sh): it loads images into Docker,
 * has `prepare` write the configuration of all containers, and starts them with Compose.
 */

/** Compose names a project after its folder, which the archive calls `harbor`; containers carry that name as a label. */
const PROJECT = "com.docker.compose.project=harbor";
/** 600 MB of images are loaded. */
const MINUTES = 45;
/** make/photon/prepare/templates/docker_compose: without Trivy and metrics. */
const CONTAINERS = [
    "harbor-log",
    "registry",
    "registryctl",
    "harbor-db",
    "harbor-core",
    "harbor-portal",
    "harbor-jobservice",
    "redis",
    "nginx",
] as const;

/** As install.sh finds it (make/common.sh, check_dockercompose). */
const COMPOSE =
    'compose() { if docker compose version > /dev/null 2>&1; then docker compose "$@"; else docker-compose "$@"; fi; }';

/** The folder `harbor` of an unpacked archive. */
function bundle(unpacked: string): string {
    return `${unpacked}/harbor`;
}

/** Makefile, PACKAGE_OFFLINE_PARA. */
function parts({ version }: InstallerArchive) {
    const other = `no offline installer of Harbor ${version}`;
    return [
        ...["install.sh", "prepare", "common.sh", "harbor.yml.tmpl"].map((file) => ({
            path: `harbor/${file}`,
            otherwise: other,
        })),
        { path: `harbor/harbor.v${version}.tar.gz`, otherwise: `${other}: the online one, or that of another version` },
    ];
}

async function install(work: InstallerWork): Promise<void> {
    await writeConfiguration(work);
    await runInstaller(work);
}

/**
 * As goharbor.io/docs/2.12.0/administration/upgrade says: stop it, keep a copy of the database, and run the new installer on
 * the same data. Core changes the database at its start, and there is no way back but the copy.
 */
async function upgrade(work: InstallerWork, former: Pick<InstallerArchive, "version" | "sha256">): Promise<void> {
    const { session, installation, onProgress } = work;
    await stop(session, installation);
    onProgress?.("copying the database of Harbor");
    await keepDatabase(session, installation, former.version);
    await install(work);
}

/** A copy that is there is of before a former try: the database may have been changed since. */
async function keepDatabase(session: HostSession, installation: Installation, version: string): Promise<void> {
    const database = `${harborData(installation)}/database`;
    const copy = `${installation.directory}/database-${version}`;
    const [from, to, half] = [database, copy, `${copy}.partial`].map(shellWord);
    const fix = "make room on the host for a copy of that folder, and run again";
    await asRoot(session, { thing: database, fix }, [
        `if [ -e ${to} ] || [ ! -e ${from} ]; then exit 0; fi`,
        `rm -rf ${half}; trap 'rm -rf ${half?.replaceAll("'", `'\\''`) ?? ""}' EXIT`,
        `cp -a ${from} ${half}; sync; mv ${half} ${to}`,
    ]);
}

async function repair(work: InstallerWork, differences: readonly Difference[]): Promise<void> {
    const changed = new Set(differences.map(({ part }) => part));
    // install.sh has `prepare` write everything anew, and starts all of it again.
    if (changed.has("installation") || changed.has("configuration")) return install(work);
    if (changed.has("certificate")) await renewCertificate(work);
    if (!changed.has("service")) return;
    const { session, unpacked } = work;
    const result = await tryAsRoot(session, ["set -eu", `cd ${shellWord(bundle(unpacked))}`, COMPOSE, "compose up -d"]);
    if (result.status === 0) return;
    // The reason is not in its last line, which only says that there were errors.
    const fix = "look at it on the host (docker ps --all), mend it, and run again";
    throw installerError(session, "docker compose up", result, { secrets: [], fix });
}

/**
 * Puts the certificate where `prepare` would (utils/nginx.py, prepare_nginx_certs: user 10000, mode 0600), from where the next
 * `prepare` takes it too, and has nginx read it: connections that are open go on. The documented way, `prepare` and all
 * containers anew, would end every pull.
 */
async function renewCertificate({ session, installation }: InstallerWork): Promise<void> {
    const from = installationPaths(installation);
    const folder = shownFolder(installation);
    const pair = [`${folder}/server.key.new`, `${folder}/server.crt.new`] as const;
    await asRoot(session, { thing: `${folder}/server.crt` }, [
        `if ${isShown(installation)}; then exit 0; fi`,
        shellCommand("install", "-m", "0600", from.key, pair[0]),
        shellCommand("install", "-m", "0600", from.certificate, pair[1]),
        shellCommand("chown", "10000:10000", ...pair),
        shellCommand("mv", "-f", pair[0], `${folder}/server.key`),
        shellCommand("mv", "-f", pair[1], `${folder}/server.crt`),
        // A proxy that does not run reads them when it is started.
        "docker exec nginx nginx -s reload || docker restart nginx > /dev/null || true",
    ]);
}

async function look(session: HostSession, installation: Installation): Promise<readonly Difference[]> {
    const { httpPort, installer } = installation;
    const configuration = `${bundle(unpackedInstaller(installation, installer))}/harbor.yml`;
    const printed = await asRoot(session, { thing: "docker" }, [
        `docker ps --all --filter label=${PROJECT} --format 'container {{.Names}} {{.Image}} {{.Status}}'`,
        `${isShown(installation)} || echo other-certificate`,
        `awk '/^[^ ]/ {section = $1} section == "http:" && $1 == "port:" {print "http-port", $2}' ${shellWord(configuration)} 2> /dev/null || :`,
    ]);
    const facts = readFacts(printed);
    const found = (facts.get("container") ?? []).map((text) => text.split(" "));
    const containers = CONTAINERS.flatMap((name): Difference[] => {
        const [, image = "", ...status] = found.find(([other]) => other === name) ?? [];
        if (image === "") return [{ part: "service", text: `the container ${name} does not exist` }];
        return containerDifference(name, image, status.join(" "), installer.version);
    });
    const crt = `${shownFolder(installation)}/server.crt`;
    const [opened] = facts.get("http-port") ?? [];
    return [
        ...containers,
        ...(opened !== undefined && opened !== String(httpPort)
            ? [{ part: "configuration", text: `it redirects from port ${opened}, not ${httpPort}` } as const]
            : []),
        ...(facts.has("other-certificate")
            ? [{ part: "certificate", text: `${crt} is another certificate` } as const]
            : []),
    ];
}

/** @param status "Up 3 minutes (healthy)", "Restarting (1) 4 seconds ago", "Exited (0) 2 hours ago" */
function containerDifference(name: string, image: string, status: string, version: string): Difference[] {
    if (!status.startsWith("Up ") || status.includes("(unhealthy)"))
        return [{ part: "service", text: `the container ${name} is ${status.toLowerCase()}` }];
    return image.endsWith(`:v${version}`)
        ? []
        : [{ part: "installation", text: `the container ${name} is of ${image}, not of ${version}` }];
}

/** Stops and removes the containers: what they know is in the folder of the installation. */
async function stop(session: HostSession, _installation: Installation): Promise<void> {
    await asRoot(session, { thing: "Harbor" }, [
        `all=$(docker ps --all --quiet --filter label=${PROJECT})`,
        `if [ -n "$all" ]; then docker stop $all > /dev/null; docker rm --force $all > /dev/null; fi`,
        `networks=$(docker network ls --quiet --filter label=${PROJECT})`,
        `if [ -n "$networks" ]; then docker network rm $networks > /dev/null; fi`,
    ]);
}

async function uninstall({ session, installation }: InstallerWork): Promise<void> {
    await stop(session, installation);
}

async function writeConfiguration({ session, installation, unpacked, secrets }: InstallerWork): Promise<void> {
    const path = `${bundle(unpacked)}/harbor.yml.tmpl`;
    const template = await asRoot(session, { thing: path }, [shellCommand("cat", path)]);
    const content = harborConfiguration(template, installation, secrets);
    await writeHostFile(session, { path: `${bundle(unpacked)}/harbor.yml`, content, mode: "0600" }, { root: true });
}

async function runInstaller(work: InstallerWork): Promise<void> {
    const { session, installation, unpacked, secrets, signal, onProgress } = work;
    // Its colours come from tput, which needs a terminal that it knows.
    const result = await runExclusively(
        session,
        installation,
        [`cd ${shellWord(bundle(unpacked))} && TERM=dumb ./install.sh < /dev/null`],
        {
            timeoutSeconds: MINUTES * 60,
            signal,
            output: (line) => {
                const step = installerStep(line);
                if (step !== undefined) onProgress?.(`Harbor's installer: ${step}`);
            },
        },
    );
    if (result.status === 0) return;
    const hidden = [secrets.password, secrets.database ?? ""].filter(Boolean);
    throw installerError(session, "Harbor's install.sh", result, { secrets: hidden });
}

function files(installation: Installation): readonly InstalledFile[] {
    const folder = bundle(unpackedInstaller(installation, installation.installer));
    return ["harbor.yml", "docker-compose.yml"].map((name) => {
        const path = `${folder}/${name}`;
        return { name: path, word: shellWord(path), part: "configuration" };
    });
}

function shownFolder(installation: Installation): string {
    return `${harborData(installation)}/secret/cert`;
}

function isShown(installation: Installation): string {
    const { certificate, key } = installationPaths(installation);
    const folder = shownFolder(installation);
    return `${shellCommand("cmp", "-s", certificate, `${folder}/server.crt`)} && ${shellCommand("cmp", "-s", key, `${folder}/server.key`)}`;
}

const GIB = 1024 ** 3;

/** goharbor.io/docs, "Harbor Installation Prerequisites" (minimum: 4 GB, 40 GB), and what install.sh checks. */
const REQUIREMENTS: Requirements = {
    memory: 3.5 * GIB,
    disk: 40 * GIB,
    // The log collector listens on loopback.
    ports: ({ port, httpPort }) => [port, httpPort, 1514],
    script: [
        `version=$(docker --version 2> /dev/null || :)`,
        `case "$version" in`,
        `    "") echo "missing docker (20.10.10 or newer)";;`,
        // make/common.sh reads a version of Docker out of it, and ends: podman's numbers are lower.
        `    podman*) echo "missing docker: the command is podman, which Harbor's installer refuses";;`,
        `    *) docker info > /dev/null 2>&1 || echo "missing the Docker daemon, which does not answer";`,
        `       [ "$(systemctl is-enabled docker 2> /dev/null)" = enabled ] || echo "missing the start of Docker at boot (systemctl enable docker)";;`,
        `esac`,
        `docker compose version > /dev/null 2>&1 || docker-compose --version > /dev/null 2>&1 || echo "missing docker compose (the plugin, or docker-compose 1.18)"`,
        `for program in tar openssl; do command -v $program > /dev/null || echo "missing $program"; done`,
    ].join("\n"),
};

/** Harbor, by its own installer. */
export const harborSteps: InstallerSteps = {
    parts,
    foreign: `if command -v docker > /dev/null; then docker ps --all --filter label=${PROJECT} --format 'foreign container {{.Names}}'; fi`,
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
