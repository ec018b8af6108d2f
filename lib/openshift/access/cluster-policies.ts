import { formatObjects } from "../objects/objects-yaml";
import { withUsage } from "../targets/target";
import { distinctRanges, parseAddressRange } from "./address-range";
import { type AccessInput, type RegistryPods, registryEndpoint } from "./network-access";

const EGRESS_USAGE: readonly string[] = [
    "EgressFirewalls of OVN-Kubernetes (k8s.ovn.org/v1): a namespace has at most one, named default. Merge an existing one.",
    "Pods of these namespaces reach the registry, the API servers and the cluster itself, and nothing outside of it.",
    "Does not restrict nodes, pods in the host's network, nor the pulls of images, which nodes do.",
    "A name of a registry is resolved by the cluster from time to time: connections may fail while its address changes.",
];

const POLICY_USAGE: readonly string[] = [
    "For a registry that runs as a pod: who reaches these pods. Apply to its cluster.",
    "Admits nodes (and pods in the host's network) and the routers, and no other pod of the cluster; from outside, the",
    "registry is reached through a route. With a load balancer or NodePort of its own it admits what those forward.",
    "Does not stop pulls of nodes: they come from the host's network. The pod's own node always reaches it.",
    "Pods that the registry's own parts reach it from (as a database or a scanner) need a policy of their own.",
];

/** An EgressFirewall for each namespace, or undefined if none is configured. */
export function egressFirewalls(input: AccessInput): string | undefined {
    const { egress } = input.access;
    if (egress === undefined) return undefined;
    const { host, port } = registryEndpoint(input);
    const address = parseAddressRange(host);
    const to = "cidr" in address ? { cidrSelector: address.cidr } : { dnsName: host };
    const allow = (rule: object) => ({ type: "Allow", ...rule });
    const rules = [
        ...distinctRanges(egress.apiServers).map(({ cidr }) => allow({ to: { cidrSelector: cidr } })),
        allow({ to, ports: [{ protocol: "TCP", port }] }),
        ...["0.0.0.0/0", "::/0"].map((cidrSelector) => ({ type: "Deny", to: { cidrSelector } })),
    ];
    const objects = egress.namespaces.map((namespace) => ({
        apiVersion: "k8s.ovn.org/v1",
        kind: "EgressFirewall",
        metadata: { name: "default", namespace },
        spec: { egress: structuredClone(rules) },
    }));
    return withUsage(EGRESS_USAGE, formatObjects(objects));
}

/** Labels that OpenShift gives to namespaces: those of the host's network (a stand-in for nodes), and of routers. */
const ADMITTED = ["policy-group.network.openshift.io/host-network", "policy-group.network.openshift.io/ingress"];

/** A NetworkPolicy (networking.k8s.io/v1) for the pods of a registry. */
export function registryPolicy({ namespace, podLabels, port }: RegistryPods): string {
    const policy = {
        apiVersion: "networking.k8s.io/v1",
        kind: "NetworkPolicy",
        metadata: { name: "registry-passthrough", namespace },
        spec: {
            podSelector: { matchLabels: podLabels },
            policyTypes: ["Ingress"],
            ingress: [
                {
                    from: ADMITTED.map((label) => ({ namespaceSelector: { matchLabels: { [label]: "" } } })),
                    ports: [{ protocol: "TCP", port }],
                },
            ],
        },
    };
    return withUsage(POLICY_USAGE, formatObjects([policy]));
}
