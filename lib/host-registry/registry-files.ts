import { computeDigest } from "../oci/digest";
import { type AddressRange, distinctRanges, hostRules, parseAddressRange } from "../openshift";
import { INSTANCES } from "../openshift/deployed-registry";
import type { HostFile } from "../ssh";
import { type HostRegistry, PLACES, RULES_TABLE, UNITS, UNIT_FOLDER } from "./host-registry";
import { certificateFile, firewallUnit, instanceConfig, registryUnit } from "./registry-units";

/** A file of the registry, whose content is known. */
export type RegistryFile = HostFile & { readonly content: string };

/** All files of a registry, in the order in which they are written: units come last. The first one says whose they are. */
export function registryFiles(registry: HostRegistry): RegistryFile[] {
    const { directory, owner, htpasswd, allowedFrom } = registry;
    const at = (place: string) => `${directory}/${place}`;
    return [
        { path: at(PLACES.owner), content: `${owner}\n`, mode: "0644" },
        ...INSTANCES.map((instance) => ({
            path: at(`${PLACES.config}/${instance}.yml`),
            content: instanceConfig(registry, instance),
            mode: "0644",
        })),
        { ...certificateFile(registry), mode: "0600" },
        ...INSTANCES.map((instance) => ({
            path: at(`${PLACES.accounts}/${instance}/htpasswd`),
            content: htpasswd[instance],
            mode: "0600",
        })),
        ...(allowedFrom.length === 0
            ? []
            : [
                  { path: at(PLACES.firewall), content: firewallRules(registry), mode: "0644" },
                  { path: `${UNIT_FOLDER}/${UNITS.firewall}`, content: firewallUnit(registry), mode: "0644" },
              ]),
        ...INSTANCES.map((instance) => ({
            path: `${UNIT_FOLDER}/${UNITS[instance]}`,
            content: registryUnit(registry, instance),
            mode: "0644",
        })),
    ];
}

/** The folders of a registry; the storage is never written to by this program. */
export function registryFolders({ directory }: Pick<HostRegistry, "directory">): string[] {
    const { config, certificate, accounts, storage } = PLACES;
    const accountFolders = INSTANCES.map((instance) => `${accounts}/${instance}`);
    return [
        directory,
        ...[config, certificate, accounts, ...accountFolders, storage].map((place) => `${directory}/${place}`),
    ];
}

/** Hexadecimal, as sha256sum prints it. */
export function fileHash({ content }: Pick<RegistryFile, "content">): string {
    return computeDigest(content).replace("sha256:", "");
}

/** Path -> hash of each unit, for the state: whether this version of the program writes another text than the one that wrote it. */
export function unitHashes(registry: HostRegistry): Readonly<Record<string, string>> {
    const units = registryFiles(registry).filter(isUnit);
    return Object.fromEntries(units.map((file) => [file.path, fileHash(file)]));
}

export function isUnit({ path }: Pick<RegistryFile, "path">): boolean {
    return path.startsWith(`${UNIT_FOLDER}/`);
}

function firewallRules({ allowedFrom, ports }: HostRegistry): string {
    const ranges = allowedFrom.map(parseAddressRange).filter((range): range is AddressRange => "cidr" in range);
    return hostRules(distinctRanges(ranges), [ports.pull, ports.push], RULES_TABLE);
}
