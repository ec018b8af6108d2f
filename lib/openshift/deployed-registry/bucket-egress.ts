import { isIP } from "node:net";
import { withoutBrackets } from "../../http/hostname";
import type { Bucket } from "./deployment";

/** DNS as Services have it, and the port of OpenShift's pods behind them (dns.operator.openshift.io). */
const DNS_PORTS = [53, 5353];
/** "s3.openshift-storage.svc", and with the cluster's domain behind it: a Service and its namespace. */
const SERVICE = /^[^.]+\.([^.]+)\.svc(?:\.|$)/;

/**
 * What a NetworkPolicy lets out to the server of a bucket. A policy knows addresses and no names, and it sees the ports of
 * pods, not those of their Service: so it is every address at the port of a host that has a name, and every port in the
 * namespace of a Service.
 * @param bucket undefined: nothing is let out
 */
export function bucketEgress(bucket: Bucket | undefined): { readonly egress?: readonly object[] } {
    if (bucket === undefined) return {};
    const { hostname, port } = new URL(bucket.endpoint);
    const host = withoutBrackets(hostname);
    const ports = [{ protocol: "TCP", port: port === "" ? 443 : Number(port) }];
    const version = isIP(host);
    if (version !== 0) {
        const cidr = `${host}/${version === 4 ? 32 : 128}`;
        return { egress: [{ to: [{ ipBlock: { cidr } }], ports }] };
    }
    const dns = DNS_PORTS.flatMap((number) => ["UDP", "TCP"].map((protocol) => ({ protocol, port: number })));
    const [, namespace] = SERVICE.exec(host) ?? [];
    if (namespace === undefined) return { egress: [{ ports: dns }, { ports }] };
    const matchLabels = { "kubernetes.io/metadata.name": namespace };
    return { egress: [{ ports: dns }, { to: [{ namespaceSelector: { matchLabels } }] }] };
}
