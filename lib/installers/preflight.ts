import { PassthroughError } from "../errors/errors";
import {
    type MachineFacts,
    clockFindings,
    machineScript,
    mountFindings,
    nameFindings,
    parseMachineFacts,
    portFindings,
    roomFindings,
} from "../host-checks";
import { type HostSession, hostLabel, shellWord } from "../ssh";
import { asRoot, readFacts } from "./host-script";
import type { Installation, InstallerSteps } from "./installation";

/**
 * What is in the folder of an installation, but for what a run leaves that was ended before it wrote its record. An installer
 * writes over what is there, and an uninstallation removes it.
 */
const CONTENT = `-mindepth 1 -maxdepth 1 ${["lost+found", "tls", ".lock", ".*.registry-passthrough"]
    .map((name) => `! -name '${name}'`)
    .join(" ")}`;

/**
 * That a host can have the installation, before anything is written to it: everything that it lacks at once.
 * @param now milliseconds since 1970
 * @throws PassthroughError `HOST_NOT_READY`
 */
export async function requireReadyHost(
    session: HostSession,
    installation: Installation,
    { requirements, foreign }: Pick<InstallerSteps, "requirements" | "foreign">,
    now: number,
): Promise<void> {
    const { directory, host } = installation;
    const names = [host];
    const printed = await asRoot(session, { thing: "host" }, [
        ...machineScript({ directory, names }),
        "command -v ss > /dev/null || echo 'missing ss (package iproute)'",
        "command -v flock > /dev/null || echo 'missing flock (package util-linux)'",
        `find -H ${[directory, `${directory}/tls`].map(shellWord).join(" ")} ${CONTENT} 2> /dev/null | sed -n '1,3s|^|content |p'`,
        "set +e",
        requirements.script,
        foreign,
        ":",
    ]);
    const facts = readFacts(printed);
    const machine = parseMachineFacts(printed, { names });
    const machineFindings = [
        ...roomFindings("memory", machine.memory ?? 0, requirements.memory),
        ...roomFindings(`free space below ${directory}`, machine.disk ?? 0, requirements.disk),
        ...mountFindings(machine, directory),
        ...clockFindings(machine, now),
    ];
    const findings = [
        ...(facts.get("missing") ?? []).map((what) => `it lacks ${what}`),
        ...(facts.get("foreign") ?? []).map((what) => `it has ${what}, which this stack has not installed`),
        ...otherContent(directory, facts.get("content") ?? []),
        ...machineFindings.map(({ name, problem }) => `${name}: ${problem}`),
        ...addressFindings(machine, requirements.ports(installation)),
    ];
    refuse(session, findings);
}

function addressFindings(
    machine: MachineFacts,
    ports: readonly number[],
    own?: (program: string) => boolean,
): string[] {
    // A load balancer may be in front, and this machine may have a proxy: what the name leads to is not known here.
    const views = { here: new Map<string, string[]>(), isHere: false, isOfHost: false };
    const found = [...nameFindings(machine, views), ...portFindings(machine, ports, "", own)];
    return found.map(({ name, problem }) => `${name}: ${problem}`);
}

function refuse(session: HostSession, findings: readonly string[]): void {
    if (findings.length === 0) return;
    throw new PassthroughError(findings.join("; "), {
        code: "HOST_NOT_READY",
        thing: "host",
        place: { host: hostLabel(session.connection) },
        fix: "mend that on the host, and run again: nothing was written to it",
    });
}

/** Programs that have a port open for a container: of an installation that was not completed, they may be its own. */
const CONTAINER_PROGRAMS = ["docker-proxy", "conmon", "rootlessport", "pasta", "pasta.avx2", "slirp4netns"];

/**
 * That a host can have an installation that was begun and not completed, whose name or port may have been corrected since.
 * @throws PassthroughError `HOST_NOT_READY`
 */
export async function requireReadyAddress(
    session: HostSession,
    installation: Installation,
    { requirements }: Pick<InstallerSteps, "requirements">,
): Promise<void> {
    const { directory, host } = installation;
    const names = [host];
    const machine = parseMachineFacts(await asRoot(session, { thing: "host" }, machineScript({ directory, names })), {
        names,
    });
    refuse(
        session,
        addressFindings(machine, requirements.ports(installation), (program) => CONTAINER_PROGRAMS.includes(program)),
    );
}

function otherContent(directory: string, found: readonly string[]): string[] {
    if (found.length === 0) return [];
    return [
        `${directory} is not empty (${found.join(", ")}): name a folder of its own in site.registry.deploy.installer.directory`,
    ];
}
