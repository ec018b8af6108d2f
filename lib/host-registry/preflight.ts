import { formatBytes } from "../errors/text";
import { parseAddressRange } from "../openshift";
import { type HostConnection, hostError } from "../ssh";
import type { HostFacts } from "./host-facts";
import { type HostRegistry, PLACES } from "./host-registry";

/** What the host is looked at for. */
export type PreflightRegistry = Pick<HostRegistry, "owner" | "directory" | "ports" | "allowedFrom">;

/** Of an image, and of the files of a registry. */
const LEAST_DISK = 2 * 1024 ** 3;
/** Two instances, idle, have less than half of it. */
const LEAST_MEMORY = 256 * 1024 ** 2;
/** podman of RHEL 8.6 and Debian 12; --sdnotify=conmon is older. */
const LEAST_PODMAN = 4;
/** Certificates are compared with the host's clock, and tokens with both. */
const MOST_SECONDS_OFF = 300;

interface Finding {
    readonly name: string;
    readonly problem: string;
    readonly fix: string;
}

/**
 * That a host can have the registry: everything at once.
 * @param now milliseconds since 1970, of this machine
 * @throws PassthroughError `HOST_IN_USE`, `HOST_NOT_READY` with every finding
 */
export function requireSuitableHost(
    connection: HostConnection,
    facts: HostFacts,
    registry: PreflightRegistry,
    now: number,
): void {
    const strangers = strangersOf(facts, registry);
    if (strangers.length > 0) {
        throw hostError(connection, "HOST_IN_USE", `these are there, and not of this stack: ${strangers.join(", ")}`, {
            fix:
                "choose another site.registry.deploy.host.directory, or remove them; of a stack that got another name, write " +
                `${registry.owner} to ${registry.directory}/owner, and remove the units`,
        });
    }
    const found = [
        ...programFindings(facts, registry),
        ...roomFindings(facts),
        ...networkFindings(facts, registry, connection, now),
    ];
    if (found.length === 0) return;
    const problems = found.map(({ name, problem, fix }) => ({
        name,
        problem: { code: "HOST_NOT_READY" as const, problem, fix },
    }));
    throw hostError(connection, "HOST_NOT_READY", "the host cannot have the registry as it is", { problems });
}

/** Paths of the directory and of the units that are there, and are not of this registry. */
export function strangersOf(
    facts: HostFacts,
    { directory, owner }: Pick<HostRegistry, "directory" | "owner">,
): readonly string[] {
    return [...(facts.owner === undefined || facts.owner === owner ? [] : [directory]), ...facts.foreignUnits];
}

function programFindings(facts: HostFacts, { allowedFrom }: PreflightRegistry): Finding[] {
    const { podman, podmanVersion, hasSystemd, hasNft, machineId, selinux, hasContainerPolicy } = facts;
    const install = (name: string) => `install the package ${name} on the host`;
    return [
        ...(hasSystemd
            ? []
            : [{ name: "systemd", problem: "it does not run", fix: "use a host that systemd has started" }]),
        ...(machineId === ""
            ? [{ name: "/etc/machine-id", problem: "it is empty", fix: "run systemd-machine-id-setup" }]
            : []),
        ...(podman === "" ? [{ name: "podman", problem: "it is not installed", fix: install("podman") }] : []),
        ...(podman !== "" && !(Number.parseInt(podmanVersion, 10) >= LEAST_PODMAN)
            ? [
                  {
                      name: "podman",
                      problem: podmanVersion === "" ? "it does not run" : `its version ${podmanVersion} is too old`,
                      fix: `install podman ${LEAST_PODMAN}.0 or newer`,
                  },
              ]
            : []),
        ...(hasNft || allowedFrom.length === 0
            ? []
            : [{ name: "nft", problem: "it is not installed, and allowedFrom needs it", fix: install("nftables") }]),
        ...(selinux !== "Enforcing" || hasContainerPolicy
            ? []
            : [
                  {
                      name: "SELinux",
                      problem: "it enforces, without a policy for containers",
                      fix: install("container-selinux"),
                  },
              ]),
    ];
}

function roomFindings({ freeKiB, memoryKiB, owner }: HostFacts): Finding[] {
    // A registry that runs has its room; a full disk is found by what fills it.
    if (owner !== undefined) return [];
    const lacks = (name: string, kib: number | undefined, least: number): Finding[] =>
        kib === undefined || kib * 1024 >= least
            ? []
            : [
                  {
                      name,
                      problem: `${formatBytes(kib * 1024)} are free`,
                      fix: `make ${formatBytes(least)} free${name === "disk" ? " beside the content, or choose another directory" : ""}`,
                  },
              ];
    return [...lacks("disk", freeKiB, LEAST_DISK), ...lacks("memory", memoryKiB, LEAST_MEMORY)];
}

function networkFindings(
    { listeners, time, client }: HostFacts,
    { ports, allowedFrom }: PreflightRegistry,
    { port: sshPort }: HostConnection,
    now: number,
): Finding[] {
    const taken = Object.values(ports).flatMap((port): Finding[] => {
        const program = port === sshPort ? "sshd" : listeners.get(port);
        if (program === undefined) return [];
        const fix = "stop that program, or write another port in site.registry.mirrorBase and pushHost";
        return [{ name: `port ${port}`, problem: `${program} listens there`, fix }];
    });
    const seconds = Math.round(time - now / 1000);
    const clock: Finding[] =
        Math.abs(seconds) <= MOST_SECONDS_OFF
            ? []
            : [
                  {
                      name: "clock",
                      problem: `it is ${Math.abs(seconds)} s ${seconds < 0 ? "behind" : "ahead of"} that of this machine`,
                      fix: "synchronize both clocks (chronyd)",
                  },
              ];
    const door: Finding[] =
        allowedFrom.length === 0 || client === "" || isAdmitted(client, allowedFrom)
            ? []
            : [
                  {
                      name: "allowedFrom",
                      problem: `this machine, which comes from ${client}, would not reach the registry`,
                      fix: `add ${client} to site.registry.deploy.host.allowedFrom`,
                  },
              ];
    return [...taken, ...clock, ...door];
}

/** What comes from the host itself is always admitted. */
function isAdmitted(client: string, allowedFrom: readonly string[]): boolean {
    const address = parseAddressRange(client.replace(/^::ffff:(?=\d+\.)/, ""));
    if (!("cidr" in address)) return true;
    return allowedFrom.some((text) => {
        const range = parseAddressRange(text);
        if (!("cidr" in range) || range.family !== address.family) return false;
        return range.first <= address.first && address.last <= range.last;
    });
}

/** That the machine is the one of before: otherwise the content is elsewhere. @param before undefined: there is none */
export function requireSameMachine(
    connection: HostConnection,
    { machineId }: HostFacts,
    before: string | undefined,
): void {
    if (before === undefined || before === machineId) return;
    throw hostError(connection, "HOST_DIFFERENT", "it is another machine than the one that has the content", {
        fix:
            "correct site.registry.deploy.host.address; if the machine was installed again, take the resource out of the state " +
            "(pulumi state delete), and the next up sets the registry up again",
    });
}

/** That the directory of a registry that was set up is there: a disk that is not mounted leaves an empty one. */
export function requireContent(
    connection: HostConnection,
    facts: HostFacts,
    { directory, owner }: Pick<HostRegistry, "directory" | "owner">,
): void {
    if (facts.owner !== undefined) return;
    throw hostError(connection, "HOST_DIFFERENT", `${directory} is empty: the content is not there`, {
        fix: `mount its disk; if the content is lost, write ${owner} to ${directory}/${PLACES.owner}, and run again`,
    });
}
