import { computeDigest } from "../oci/digest";
import { FOLDERS, type Instance, registryConfig } from "../openshift/deployed-registry";
import { CONFIGURATION_LABEL, CONTAINERS, type HostRegistry, PLACES, UNITS } from "./host-registry";

/** One file: certificate and key are replaced together. */
const CERTIFICATE_FILE = "tls.pem";
/** Ports below it need a capability (capabilities(7)). */
const FIRST_UNPRIVILEGED_PORT = 1024;
/** With SELinux podman labels all of the content at a start. */
export const START_SECONDS = 900;

/** PEM: what both instances show, with its key. */
export function certificateFile({ directory, chain, key }: HostRegistry) {
    return {
        path: `${directory}/${PLACES.certificate}/${CERTIFICATE_FILE}`,
        content: `${chain.trim()}\n${key.trim()}\n`,
    };
}

export function instanceConfig({ ports }: HostRegistry, instance: Instance): string {
    const certificate = { chain: CERTIFICATE_FILE, key: CERTIFICATE_FILE };
    return registryConfig(instance, { listener: { https: ports[instance], certificate } });
}

/** What a container was started with: a text that changes when it has to start again. The htpasswd file is read as it is. */
export function configurationOf(registry: HostRegistry, instance: Instance): string {
    const texts = [
        runWords(registry, instance).join(" "),
        instanceConfig(registry, instance),
        certificateFile(registry).content,
    ];
    return computeDigest(texts.join("\n")).replace("sha256:", "");
}

/** Both instances see the storage, so its label of SELinux is a shared one (z); the one for pulls cannot change it. */
function runWords({ directory, imageId, ports }: HostRegistry, instance: Instance): string[] {
    const volume = (place: string, folder: string, options: string) =>
        `--volume=${directory}/${place}:${folder}:${options}`;
    return [
        ...["--network=host", "--read-only", "--pull=never", "--cap-drop=all", "--security-opt=no-new-privileges"],
        // Certificate and htpasswd files are root's alone, and the image may name another user.
        "--user=0:0",
        ...(ports[instance] < FIRST_UNPRIVILEGED_PORT ? ["--cap-add=net_bind_service"] : []),
        // Version 3 sends traces unless it is told not to.
        "--env=OTEL_TRACES_EXPORTER=none",
        volume(PLACES.config, FOLDERS.config, "ro,z"),
        volume(PLACES.certificate, FOLDERS.certificate, "ro,z"),
        volume(`${PLACES.accounts}/${instance}`, FOLDERS.accounts, "ro,z"),
        volume(PLACES.storage, FOLDERS.storage, instance === "pull" ? "ro,z" : "rw,z"),
        ...["--entrypoint=registry", imageId, "serve", `${FOLDERS.config}/${instance}.yml`],
    ];
}

/** As `podman generate systemd --new` writes units (podman-generate-systemd(1)). Quadlet needs podman 4.4. */
export function registryUnit(registry: HostRegistry, instance: Instance): string {
    const { podman, directory, owner, allowedFrom } = registry;
    const run = [
        ...[
            "run",
            "--cidfile=%t/%n.ctr-id",
            "--cgroups=no-conmon",
            "--rm",
            "--sdnotify=conmon",
            "--replace",
            "--detach",
        ],
        `--name=${CONTAINERS[instance]}`,
        `--label=${CONFIGURATION_LABEL}=${configurationOf(registry, instance)}`,
        ...runWords(registry, instance),
    ];
    // The registry is not reachable before its door is closed.
    const door = allowedFrom.length === 0 ? [] : [`Requires=${UNITS.firewall}`, `After=${UNITS.firewall}`];
    return unitText(owner, {
        Unit: [
            `Description=Registry for ${instance === "pull" ? "pulls, read-only" : "pushes"}`,
            ...["Wants=network-online.target", "After=network-online.target"],
            ...door,
            // A disk may be at the storage alone: an empty folder in its place would take pushes.
            `RequiresMountsFor=${directory}/${PLACES.storage} %t/containers`,
            "StartLimitIntervalSec=0",
        ],
        Service: [
            ...[
                "Type=notify",
                "NotifyAccess=all",
                "Environment=PODMAN_SYSTEMD_UNIT=%n",
                "Restart=always",
                "RestartSec=5",
            ],
            ...[`TimeoutStartSec=${START_SECONDS}`, "TimeoutStopSec=70", "LimitNOFILE=65536"],
            "ExecStartPre=/bin/rm -f %t/%n.ctr-id",
            `ExecStart=${podman} ${run.join(" ")}`,
            `ExecStop=${podman} stop --ignore --time=30 --cidfile=%t/%n.ctr-id`,
            `ExecStopPost=${podman} rm --force --ignore --cidfile=%t/%n.ctr-id`,
        ],
        Install: ["WantedBy=multi-user.target"],
    });
}

/** Loads the rules at each boot, and again whenever nftables.service flushes all rules. @param nft path on the host */
export function firewallUnit({ directory, owner }: HostRegistry, nft = "nft"): string {
    const load = `/usr/bin/env ${nft} -f ${directory}/${PLACES.firewall}`;
    return unitText(owner, {
        Unit: [
            "Description=Who reaches the registry",
            ...[
                "After=nftables.service firewalld.service",
                "PartOf=nftables.service",
                "ReloadPropagatedFrom=nftables.service",
            ],
            `RequiresMountsFor=${directory}`,
        ],
        Service: [...["Type=oneshot", "RemainAfterExit=yes"], `ExecStart=${load}`, `ExecReload=${load}`],
        Install: ["WantedBy=multi-user.target"],
    });
}

/** First line of every unit: whose it is. */
function ownerLine(owner: string): string {
    return `# registry-passthrough: ${owner}`;
}

function unitText(owner: string, sections: Readonly<Record<string, readonly string[]>>): string {
    const parts = Object.entries(sections).map(([name, lines]) => [`[${name}]`, ...lines, ""].join("\n"));
    return [ownerLine(owner), "# Written by the program: a change here is undone by the next up.", ...parts].join("\n");
}
