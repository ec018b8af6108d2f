import { hostName } from "../http/hostname";
import { PassthroughError } from "../errors/errors";
import { formatBytes } from "../errors/text";
import { type HostSession, hostLabel, shellCommand, shellWord } from "../ssh";
import { asRoot, readFacts } from "./host-script";
import type { Installation, InstallerSteps } from "./installation";

/** Tokens and certificates are judged by their times. */
const CLOCK_SECONDS = 300;

/**
 * What is in the folder of an installation, but for what a run leaves that was ended before it wrote its record. An installer
 * writes over what is there, and an uninstallation removes it.
 */
const CONTENT = `-mindepth 1 -maxdepth 1 ${["lost+found", "tls", "secrets.json", ".lock", ".*.registry-passthrough"]
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
    const ports = requirements.ports(installation);
    const printed = await asRoot(session, { thing: "host" }, [
        `echo "clock $(date +%s)"`,
        `echo "memory $(free -b | awk '$1 == "Mem:" {print $2}')"`,
        // The folder itself may not exist yet.
        `at=${shellWord(directory)}; while [ ! -e "$at" ]; do at=$(dirname "$at"); done`,
        `echo "disk $(df -Pk "$at" | awk 'NR == 2 {print $4}')"`,
        `${shellCommand("getent", "hosts", hostName(host))} > /dev/null || echo "unresolved"`,
        `if command -v ss > /dev/null; then ss -Hltnp | awk '{print "listener", $4, $6}'; else echo "missing ss (package iproute)"; fi`,
        "command -v flock > /dev/null || echo 'missing flock (package util-linux)'",
        `find -H ${[directory, `${directory}/tls`].map(shellWord).join(" ")} ${CONTENT} 2> /dev/null | sed -n '1,3s|^|content |p'`,
        "set +e",
        requirements.script,
        foreign,
        ":",
    ]);
    const facts = readFacts(printed);
    const number = (name: string) => Number(facts.get(name)?.[0] ?? 0);
    const findings = [
        ...(facts.get("missing") ?? []).map((what) => `it lacks ${what}`),
        ...(facts.get("foreign") ?? []).map((what) => `it has ${what}, which this stack has not installed`),
        ...otherContent(directory, facts.get("content") ?? []),
        ...shortage("memory", number("memory"), requirements.memory),
        ...shortage(`free space below ${directory}`, number("disk") * 1024, requirements.disk),
        ...(facts.has("unresolved") ? [`it cannot resolve ${hostName(host)}, its own name for clients`] : []),
        ...clockFinding(number("clock"), now / 1000),
        ...takenPorts(ports, facts.get("listener") ?? []),
    ];
    if (findings.length === 0) return;
    throw new PassthroughError(findings.join("; "), {
        code: "HOST_NOT_READY",
        thing: "host",
        place: { host: hostLabel(session.connection) },
        fix: "mend that on the host, and run again: nothing was written to it",
    });
}

function otherContent(directory: string, found: readonly string[]): string[] {
    if (found.length === 0) return [];
    return [
        `${directory} is not empty (${found.join(", ")}): name a folder of its own in site.registry.deploy.installer.directory`,
    ];
}

function shortage(what: string, has: number, needs: number): string[] {
    return has >= needs ? [] : [`${what}: ${formatBytes(has)}, and ${formatBytes(needs)} are needed`];
}

function clockFinding(there: number, here: number): string[] {
    const seconds = Math.round(there - here);
    if (Math.abs(seconds) <= CLOCK_SECONDS) return [];
    return [`its clock is ${Math.abs(seconds)} seconds ${seconds < 0 ? "behind" : "ahead of"} this machine's`];
}

/** @param listeners as ss prints them: `0.0.0.0:443 users:(("nginx",pid=812,fd=6))` */
function takenPorts(ports: readonly number[], listeners: readonly string[]): string[] {
    return ports.flatMap((port) => {
        const found = listeners.find((line) => line.split(" ")[0]?.endsWith(`:${port}`) === true);
        if (found === undefined) return [];
        const program = /\(\("([^"]+)",pid=(\d+)/.exec(found);
        return [
            `port ${port} is taken by ${program === null ? "another program" : `${program[1]} (process ${program[2]})`}`,
        ];
    });
}
