import { formatBytes } from "../errors/text";
import { type Finding, clockFindings, mountFindings, nameFindings, portFindings, roomFindings } from "../host-checks";
import { parseAddressRange } from "../openshift";
import { type HostConnection, hostError, hostLabel } from "../ssh";
import type { HostFacts } from "./host-facts";
import { type HostRegistry, PLACES } from "./host-registry";

/** What the host is looked at for. */
export type PreflightRegistry = Pick<HostRegistry, "owner" | "directory" | "ports" | "allowedFrom"> & {
    /** As `resolveHere` gives the registry's names; none: this machine reaches it through a proxy. */
    readonly here: ReadonlyMap<string, readonly string[]>;
    /** What this machine resolves the host's own address to; empty: not known. */
    readonly hostAddresses: readonly string[];
    /** Whether `allowedFrom` has everybody who is to be let in; false: some of them are only known in the update. */
    readonly knowsAllowed: boolean;
    /** Whether the registry was on another machine before: what this one has was never looked at. */
    readonly isOtherMachine: boolean;
};

/** Of an image, and of the files of a registry. */
const LEAST_DISK = 2 * 1024 ** 3;
/** Two instances, idle, have less than half of it. */
const LEAST_MEMORY = 256 * 1024 ** 2;
/** podman of RHEL 8.6 and Debian 12; --sdnotify=conmon is older. */
const LEAST_PODMAN = 4;
/**
 * That a host can have the registry: everything at once.
 * @param now milliseconds since 1970, of this machine
 * @param onWarning told what is odd, and may be as it is meant
 * @throws PassthroughError `HOST_IN_USE`, `HOST_NOT_READY` with every finding
 */
export function requireSuitableHost(
    connection: HostConnection,
    facts: HostFacts,
    registry: PreflightRegistry,
    { now, onWarning }: { readonly now: number; readonly onWarning: (text: string) => void },
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
        ...firstFindings(facts, registry),
        ...networkFindings(facts, registry, connection, now),
    ];
    for (const { name, problem, fix, isWarning } of found)
        if (isWarning === true) onWarning(`${hostLabel(connection)}: ${name}: ${problem}; ${fix}`);
    const failures = found.filter(({ isWarning }) => isWarning !== true);
    if (failures.length === 0) return;
    const problems = failures.map(({ name, problem, fix }) => ({
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

function programFindings(facts: HostFacts, { allowedFrom, knowsAllowed }: PreflightRegistry): Finding[] {
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
        ...(hasNft || (allowedFrom.length === 0 && knowsAllowed)
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

/** A registry that runs has its room and its names: a full disk is found by what fills it, and came with the content. */
function firstFindings(
    facts: HostFacts,
    { directory, here, hostAddresses, isOtherMachine }: PreflightRegistry,
): Finding[] {
    const { machine, owner, client, server } = facts;
    if (owner !== undefined && !isOtherMachine) return [];
    // Where the connection comes from may not be known: the doubt refuses nothing.
    const isHere = client === "" || isLoopback(client) || machine.addresses.includes(client);
    const reachedAt = [...hostAddresses, ...(server === "" ? [] : [server])];
    const free = `make ${formatBytes(LEAST_DISK)} free beside the content, or choose another site.registry.deploy.host.directory`;
    const { mountPoint } = machine;
    const place = mountPoint === undefined ? directory : `${directory} (mounted at ${mountPoint})`;
    const disk = [
        ...mountFindings(machine, directory),
        ...roomFindings(`disk of ${place}`, machine.disk, LEAST_DISK, free),
    ];
    return [
        ...disk.map((one) => (isOtherMachine ? { ...one, isWarning: true as const } : one)),
        ...roomFindings("memory", machine.freeMemory, LEAST_MEMORY, `make ${formatBytes(LEAST_MEMORY)} free`),
        ...nameFindings(machine, { here, isHere, isOfHost: true, reachedAt }),
    ];
}

function isLoopback(address: string): boolean {
    return address === "::1" || address.startsWith("127.");
}

function networkFindings(
    { machine, client }: HostFacts,
    { ports, allowedFrom, knowsAllowed }: PreflightRegistry,
    { port: sshPort }: HostConnection,
    now: number,
): Finding[] {
    const fix = "stop that program, or write another port in site.registry.mirrorBase and pushHost";
    // It is not shown who listens at the port of a connection that is forwarded.
    const listeners = new Map([...machine.listeners, [sshPort, { program: "sshd" }] as const]);
    const door: Finding[] =
        !knowsAllowed || allowedFrom.length === 0 || client === "" || isAdmitted(client, allowedFrom)
            ? []
            : [
                  {
                      name: "allowedFrom",
                      problem: `this machine, which comes from ${client}, would not reach the registry`,
                      fix: `add ${client} to site.registry.deploy.host.allowedFrom`,
                  },
              ];
    return [...portFindings({ listeners }, Object.values(ports), fix), ...clockFindings(machine, now), ...door];
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

/**
 * That the content is on the machine: on the one of before, or on one that has its disk, as after another installation of the
 * operating system.
 * @param before machine-id(5) of the last `up`; undefined: there is none
 * @returns whether it is the machine of before
 * @throws PassthroughError `HOST_DIFFERENT`
 */
export function requireSameMachine(
    connection: HostConnection,
    facts: Pick<HostFacts, "machineId" | "owner">,
    { directory, owner }: Pick<HostRegistry, "directory" | "owner">,
    before: string | undefined,
): boolean {
    if (before === undefined || before === facts.machineId) return true;
    if (facts.owner === owner) return false;
    throw hostError(connection, "HOST_DIFFERENT", "it is another machine than the one that has the content", {
        fix:
            "correct site.registry.deploy.host.address; if the machine was installed again, mount the disk with the content at " +
            `${directory}, or, if that is lost, write ${owner} to ${directory}/${PLACES.owner}; then run again`,
    });
}

/** That the directory of a registry that was set up is there: a disk that is not mounted leaves an empty one. */
export function requireContent(
    connection: HostConnection,
    facts: HostFacts,
    { directory, owner }: Pick<HostRegistry, "directory" | "owner">,
): void {
    // What else may be in a mount point, as a folder of snapshots, names no owner.
    if (facts.owner !== undefined && facts.owner !== "") return;
    const found = facts.owner === undefined ? "is empty" : `has no file ${PLACES.owner}`;
    throw hostError(connection, "HOST_DIFFERENT", `${directory} ${found}: the content is not there`, {
        fix: `mount its disk; if the content is lost, or that file alone, write ${owner} to ${directory}/${PLACES.owner}, and run again`,
    });
}
