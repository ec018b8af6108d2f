import { stringify } from "smol-toml";
import { type Route, type TargetFiles, type TargetInput, hostRoutes, withUsage } from "./target";

/** Where containerd looks for hosts (`config_path`), as nodes are usually set up. */
const CONFIG_PATH = "/etc/containerd/certs.d";

const USAGE: readonly string[] = [
    `Copy certs.d to ${CONFIG_PATH}, the config_path of containerd; it is read at each pull.`,
    "The kubelet chooses credentials by the upstream's host, and containerd sends them to the mirror: write the",
    "registry's account under each upstream host into config.json of the kubelet.",
];

/**
 * What containerd needs, one `hosts.toml` per upstream host for its `config_path` (its page "Registry Configuration"), in the forms
 * that containerd 1.6 and 2 read alike. A file cannot say what differs below a host.
 */
export function containerdFiles(input: TargetInput): TargetFiles {
    const { hosts, notes } = hostRoutes(input.objects, "hosts.toml");
    const files = hosts.map((route): [string, string] => [
        `certs.d/${route.source}/hosts.toml`,
        withUsage(USAGE, `${stringify(hostsToml(route, input)).trimEnd()}\n`),
    ]);
    return {
        files: {
            ...Object.fromEntries(files),
            ...(input.ca === "" ? {} : { [`certs.d/${input.registryHost}/ca.crt`]: input.ca }),
        },
        notes,
    };
}

/** Both versions ask the hosts first, then `server`; without `server` only 2 leaves the upstream alone. */
function hostsToml({ source, mirrors, tags, isNever }: Route, input: TargetInput): Record<string, unknown> {
    const [mirror = ""] = mirrors;
    const url = mirrorUrl(mirror, input);
    const capabilities = tags ? ["pull", "resolve"] : ["pull"];
    const settings = {
        capabilities,
        override_path: true,
        ...(input.ca === "" ? {} : { ca: `${CONFIG_PATH}/${input.registryHost}/ca.crt` }),
    };
    // containerd 1.6 calls a file without the table an invalid host tree, and asks the upstream.
    if (isNever) return { server: url, ...settings, host: {} };
    return { server: upstreamUrl(source), host: { [url]: settings } };
}

function mirrorUrl(mirror: string, { registryHost, plainHttp }: TargetInput): string {
    return `${plainHttp ? "http" : "https"}://${registryHost}/v2${mirror.slice(registryHost.length)}`;
}

function upstreamUrl(host: string): string {
    return `https://${host === "docker.io" ? "registry-1.docker.io" : host}`;
}
