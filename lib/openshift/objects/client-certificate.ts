/** A MachineConfig that writes files (machineconfiguration.openshift.io/v1, Ignition 3.2). */
export interface FilesMachineConfig {
    readonly apiVersion: "machineconfiguration.openshift.io/v1";
    readonly kind: "MachineConfig";
    readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
    readonly spec: {
        readonly config: {
            readonly ignition: { readonly version: "3.2.0" };
            readonly storage: { readonly files: readonly NodeFile[] };
        };
    };
}

interface NodeFile {
    readonly path: string;
    readonly mode: number;
    readonly overwrite: true;
    readonly contents: { readonly source: string };
}

/** PEM texts of a registry's connection. */
export interface NodeCertificates {
    /** `host[:port]` as pulls name it. */
    readonly host: string;
    /** The registry's CA; empty: a public one. */
    readonly ca: string;
    readonly certificate: string;
    /** Secret. */
    readonly key: string;
}

const ROLES = ["master", "worker"] as const;

/**
 * MachineConfigs that give every node the client certificate for a registry: they hold the private key.
 *
 * CRI-O reads one directory of a host only, the first that exists of /etc/containers/certs.d and /etc/docker/certs.d
 * (containers/image, docker_client.go), so the CA has to be there too. In the second one the machine config daemon deletes
 * hosts that it does not know.
 */
export function clientMachineConfigs({ host, ca, certificate, key }: NodeCertificates): FilesMachineConfig[] {
    const folder = `/etc/containers/certs.d/${host}`;
    const files = [
        ...(ca === "" ? [] : [nodeFile(`${folder}/ca.crt`, 0o644, ca)]),
        nodeFile(`${folder}/client.cert`, 0o644, certificate),
        nodeFile(`${folder}/client.key`, 0o600, key),
    ];
    return ROLES.map((role) => ({
        apiVersion: "machineconfiguration.openshift.io/v1",
        kind: "MachineConfig",
        metadata: {
            name: `99-${role}-registry-client-certificate`,
            labels: { "machineconfiguration.openshift.io/role": role },
        },
        spec: { config: { ignition: { version: "3.2.0" }, storage: { files } } },
    }));
}

function nodeFile(path: string, mode: number, text: string): NodeFile {
    const source = `data:text/plain;charset=utf-8;base64,${Buffer.from(text, "utf8").toString("base64")}`;
    return { path, mode, overwrite: true, contents: { source } };
}
