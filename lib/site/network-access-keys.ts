import { z } from "zod";

const ADDRESSES_FIX = "write a list of addresses and ranges, as in [10.0.0.0/24, 2001:db8::/64]";
const addresses = () => z.array(z.string().min(1));
const port = () => z.number().int().min(1).max(65535);
const PORT_FIX = "write a whole number from 1 to 65535";

/** Who may reach the registry, as it is configured. */
export const networkAccessKeys = z.strictObject({
    nodes: addresses()
        .min(1)
        .meta({
            description:
                "Addresses or ranges (CIDR, IPv4 and IPv6) of all nodes that pull: control plane, workers, and nodes that are yet " +
                "to join. Builds and image imports of a cluster come from them too, unless their namespace has an EgressIP: list it",
            examples: [["10.0.0.0/24", "2001:db8::/64"]],
            fix: ADDRESSES_FIX,
        }),
    others: addresses()
        .optional()
        .meta({
            description:
                "Addresses or ranges of other machines that need the registry: the one that runs this program, bastion hosts, " +
                "installers (the bootstrap machine), a load balancer, container bridges on the registry's host",
            examples: [["10.0.9.5"]],
            defaultText: "none",
            fix: ADDRESSES_FIX,
        }),
    port: port()
        .optional()
        .meta({
            description:
                "The port on which the registry's host receives connections, if a proxy or load balancer changes it",
            examples: [8443],
            defaultText: "the port of site.registry.mirrorBase",
            fix: PORT_FIX,
        }),
    egress: z
        .strictObject({
            namespaces: z
                .array(z.string().min(1))
                .min(1)
                .meta({
                    description:
                        "Namespaces that get an EgressFirewall: their pods reach nothing outside but the registry",
                    examples: [["shop", "billing"]],
                    fix: "write a list of namespaces of your own, as in [shop, billing]",
                }),
            apiServers: addresses()
                .min(1)
                .meta({
                    description:
                        "Addresses of the cluster's API servers (`oc get endpoints kubernetes -n default`), which pods need",
                    examples: [["10.0.0.10", "10.0.0.11", "10.0.0.12"]],
                    fix: ADDRESSES_FIX,
                }),
        })
        .optional()
        .meta({
            description: "Restricts the pods of namespaces (OVN-Kubernetes only). It does not restrict nodes",
            fix: "write egress: {namespaces: […], apiServers: […]}",
        }),
    inCluster: z
        .strictObject({
            namespace: z
                .string()
                .min(1)
                .meta({
                    description: "The namespace of the registry's pods",
                    examples: ["registry"],
                    fix: "write the name of a namespace",
                }),
            podLabels: z.record(z.string(), z.string()).meta({
                description: "Labels that the registry's pods have, and no other pod of the namespace",
                examples: [{ app: "registry" }],
                typeText: "labels",
                fix: "write labels, as in {app: registry}",
            }),
            port: port().meta({
                description: "The port on which the pods listen: that of the container, not of a Service or Route",
                examples: [5000],
                fix: PORT_FIX,
            }),
        })
        .optional()
        .meta({
            description:
                "Where the registry runs, if it is a pod of a cluster: it gets a NetworkPolicy in place of a host firewall",
            fix: "write inCluster: {namespace: …, podLabels: {…}, port: …}",
        }),
});
