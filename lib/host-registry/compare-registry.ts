import { INSTANCES } from "../openshift/deployed-registry";
import type { HostSession } from "../ssh";
import { hostHashes } from "./apply-registry";
import { runAsRoot } from "./host-command";
import { CONFIGURATION_LABEL, CONTAINERS, type HostRegistry, RULES_TABLE, UNITS, unitsOf } from "./host-registry";
import { type RegistryFile, fileHash, isUnit, registryFiles } from "./registry-files";
import { configurationOf } from "./registry-units";

/** What an `up` has left on the host. */
export interface WrittenState {
    readonly rules?: string | undefined;
    readonly units?: Readonly<Record<string, string>> | undefined;
}

const FIX = "log in, and look at the host";

/**
 * What differs from a registry as it is to be, a text for each difference: files, units, what each container was started
 * with, the rules in force. Never a value, which may be secret.
 * @param written what the last `up` has left: `rules` as `firewallState` gave them, undefined if there are none, and `units` as
 * `unitHashes`, undefined in state of earlier versions
 * @throws PassthroughError if it could not be found out
 */
export async function compareRegistry(
    session: HostSession,
    registry: HostRegistry,
    { rules, units }: WrittenState,
): Promise<string[]> {
    const files = registryFiles(registry);
    const hashes = await hostHashes(
        session,
        files.map(({ path }) => path),
    );
    const differentFiles = files.flatMap((file) => {
        const hash = hashes.get(file.path);
        return hash === fileHash(file) ? [] : [`${file.path} ${fileDifference(file, hash, units)}`];
    });
    const isClosed = rules === undefined || (await firewallState(session)) === rules;
    return [
        ...differentFiles,
        ...(await unitDifferences(session, registry)),
        ...(isClosed ? [] : ["the rules for who reaches the registry were changed"]),
    ];
}

/** Another version of the program may write other units, which nobody has changed. */
function fileDifference(file: RegistryFile, hash: string | undefined, units: WrittenState["units"]): string {
    if (hash === undefined) return "does not exist";
    if (!isUnit(file)) return "was changed";
    if (units === undefined) return "is another one than this version of the program writes";
    return hash === units[file.path] ? "is the one of another version of the program" : "was changed";
}

async function unitDifferences(session: HostSession, registry: HostRegistry): Promise<string[]> {
    const units = unitsOf(registry);
    const containers = INSTANCES.map((instance) => CONTAINERS[instance]);
    const command = [
        `for unit in ${units.join(" ")}; do echo "$unit $(systemctl is-active $unit) $(systemctl is-enabled $unit 2>/dev/null)"; done`,
        `for name in ${containers.join(" ")}; do`,
        `    echo "$name $(podman container inspect --format '{{index .Config.Labels "${CONFIGURATION_LABEL}"}}' $name 2>/dev/null)"`,
        "done",
        "exit 0",
    ].join("\n");
    const printed = await runAsRoot(session, command, { what: "the units cannot be looked at", fix: FIX });
    const said = new Map(
        printed.split("\n").map((line) => {
            const [name = "", ...rest] = line.trim().split(" ");
            return [name, rest] as const;
        }),
    );
    const unitTexts = units.flatMap((unit) => {
        const [active = "unknown", enabled = "disabled"] = said.get(unit) ?? [];
        if (active !== "active") return [`${unit} is ${active}`];
        return enabled === "enabled" ? [] : [`${unit} does not start at the next boot`];
    });
    const containerTexts = INSTANCES.flatMap((instance) => {
        const isActive = said.get(UNITS[instance])?.[0] === "active";
        const [label] = said.get(CONTAINERS[instance]) ?? [];
        return !isActive || label === configurationOf(registry, instance)
            ? []
            : [`${CONTAINERS[instance]} runs with another image, certificate or configuration`];
    });
    return [...unitTexts, ...containerTexts];
}

/** A hash of the rules that are in force; of no text if there are none. `nft -s` leaves counters out. */
export async function firewallState(session: HostSession): Promise<string> {
    const command = `nft -s list table ${RULES_TABLE} 2>/dev/null | sha256sum`;
    const printed = await runAsRoot(session, command, { what: "the rules of nftables cannot be read", fix: FIX });
    return printed.slice(0, 64);
}
