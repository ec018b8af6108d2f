import { type Route, type TargetFiles, type TargetInput, formatYaml, hostRoutes, withUsage } from "./target";

/** Where the nodes are expected to have the CA. */
const CA_FILE = "/etc/rancher/registry-passthrough-ca.crt";

/**
 * `registries.yaml` of K3s and RKE2 (docs.k3s.io/installation/private-registry): one mirror per upstream host, with a
 * rewrite to its place in the registry, and the CA.
 */
export function k3sFiles(input: TargetInput): TargetFiles {
    const { hosts, notes } = hostRoutes(input.objects, "registries.yaml");
    const endpoint = [`${input.plainHttp ? "http" : "https"}://${input.registryHost}`];
    const document = {
        mirrors: Object.fromEntries(
            hosts.map((route) => [route.source, { endpoint, rewrite: { "^(.*)$": `${mirrorPath(route, input)}/$1` } }]),
        ),
        ...(input.ca === "" ? {} : { configs: { [input.registryHost]: { tls: { ca_file: CA_FILE } } } }),
    };
    const byDigest = hosts.filter(({ tags }) => !tags).map(({ source }) => source);
    return {
        files: {
            "registries.yaml": withUsage(usage(input), formatYaml(document)),
            ...(input.ca === "" ? {} : { "registry-passthrough-ca.crt": input.ca }),
        },
        notes: [
            ...(hosts.some(({ isNever }) => isNever)
                ? [
                      "registries.yaml cannot say contactSource: never: start K3s and RKE2 with " +
                          "--disable-default-registry-endpoint",
                  ]
                : []),
            ...(byDigest.length === 0
                ? []
                : [`registries.yaml redirects pulls by tag too, also those from ${byDigest.join(", ")}`]),
            ...notes,
        ],
    };
}

function usage({ ca, registryHost }: TargetInput): string[] {
    return [
        "Copy it to /etc/rancher/k3s/registries.yaml (RKE2: /etc/rancher/rke2/registries.yaml) on every node,",
        ca === "" ? "then restart K3s." : `and registry-passthrough-ca.crt to ${CA_FILE}, then restart K3s.`,
        `The registry's account (stack output pullSecret) belongs into configs."${registryHost}".auth.`,
    ];
}

function mirrorPath({ mirrors: [mirror = ""] }: Route, { registryHost }: TargetInput): string {
    return mirror.slice(registryHost.length + 1);
}
