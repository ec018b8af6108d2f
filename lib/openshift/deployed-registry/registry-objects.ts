import { splitHost } from "../access/network-access";
import { OWNER_ANNOTATION } from "../objects/owner";
import {
    type DeployedRegistry,
    INSTANCES,
    type Instance,
    NAMES,
    POD_LABELS,
    type Volume,
    bucketOf,
} from "./deployment";
import { bytesQuantity } from "./quantity";
import { PORTS, STORAGE_CA, registryConfig } from "./registry-config";
import { bucketEgress } from "./bucket-egress";
import { type RegistryObject, namespaced } from "./registry-object";
import { registryPods } from "./registry-pods";

/**
 * All objects of a registry in a cluster, in the order in which they are written. Pods meet PodSecurity `restricted`, and
 * OpenShift's SCC `restricted-v2` unless a user is given.
 */
export function registryObjects(registry: DeployedRegistry): RegistryObject[] {
    const exposed = registry.expose === "route" ? INSTANCES.map((instance) => route(registry, instance)) : [];
    return [
        namespace(registry),
        ...storage(registry),
        config(registry),
        certificate(registry),
        ...INSTANCES.map((instance) => accounts(registry, instance)),
        networkPolicy(registry),
        ...INSTANCES.map((instance) => service(registry, instance)),
        ...exposed,
        registryPods(registry),
    ];
}

function namespace({ namespace: name, owner, storage: place }: DeployedRegistry): RegistryObject {
    const metadata = {
        name,
        labels: { "pod-security.kubernetes.io/enforce": "restricted" },
        annotations: { [OWNER_ANNOTATION]: owner },
    };
    const path = { apiVersion: "v1", resource: "namespaces" };
    const holdsContent = bucketOf(place) === undefined;
    return { path, object: { apiVersion: "v1", kind: "Namespace", metadata }, holdsContent };
}

/** The volume, or the account of the bucket. */
function storage(registry: DeployedRegistry): RegistryObject[] {
    const { storage: place, storageAccount } = registry;
    if (!("s3" in place)) return [volume(registry, place)];
    const { accessKey = "", secretKey = "" } = storageAccount ?? {};
    return [secret(registry, NAMES.storageAccount, "Opaque", { accessKey, secretKey })];
}

/** Not a template of the StatefulSet, which could not grow. */
function volume(registry: DeployedRegistry, { bytes, storageClass }: Volume): RegistryObject {
    const spec = {
        accessModes: ["ReadWriteOnce"],
        resources: { requests: { storage: bytesQuantity(bytes) } },
        ...(storageClass === undefined ? {} : { storageClassName: storageClass }),
    };
    const path = { apiVersion: "v1", resource: "persistentvolumeclaims" };
    return { ...namespaced(registry, path, "PersistentVolumeClaim", NAMES.storage, { spec }), holdsContent: true };
}

function config(registry: DeployedRegistry): RegistryObject {
    const { storage: place } = registry;
    const ca = bucketOf(place)?.ca;
    const files = INSTANCES.map(
        (instance) => [`${instance}.yml`, registryConfig(instance, { storage: place })] as const,
    );
    const data = { ...Object.fromEntries(files), ...(ca === undefined ? {} : { [STORAGE_CA]: ca }) };
    const path = { apiVersion: "v1", resource: "configmaps" };
    return namespaced(registry, path, "ConfigMap", NAMES.config, { data });
}

function certificate(registry: DeployedRegistry): RegistryObject {
    const texts = { "tls.crt": registry.chain, "tls.key": registry.key };
    return secret(registry, NAMES.certificate, "kubernetes.io/tls", texts);
}

function accounts(registry: DeployedRegistry, instance: Instance): RegistryObject {
    return secret(registry, NAMES.accounts[instance], "Opaque", { htpasswd: registry.htpasswd[instance] });
}

function secret(
    registry: DeployedRegistry,
    name: string,
    type: string,
    texts: Readonly<Record<string, string>>,
): RegistryObject {
    const encoded = Object.entries(texts).map(([file, text]) => [file, Buffer.from(text).toString("base64")] as const);
    const fields = { type, data: Object.fromEntries(encoded) };
    return namespaced(registry, { apiVersion: "v1", resource: "secrets" }, "Secret", name, fields);
}

/** Namespaces of OpenShift whose pods stand for nodes (in the host's network) and for routers. */
const ADMITTED = ["policy-group.network.openshift.io/host-network", "policy-group.network.openshift.io/ingress"];

/**
 * Nothing leaves the pods but what goes to the bucket, and only what clients use is let in: from nodes and routers, or, by
 * ports of nodes, from everywhere, since the source of such connections is an address of which a policy does not know
 * whose it is.
 */
function networkPolicy(registry: DeployedRegistry): RegistryObject {
    const from = ADMITTED.map((label) => ({ namespaceSelector: { matchLabels: { [label]: "" } } }));
    const ports = INSTANCES.map((instance) => ({ protocol: "TCP", port: PORTS[instance].https }));
    const spec = {
        podSelector: { matchLabels: POD_LABELS },
        policyTypes: ["Ingress", "Egress"],
        ingress: [registry.expose === "route" ? { from, ports } : { ports }],
        ...bucketEgress(bucketOf(registry.storage)),
    };
    const path = { apiVersion: "networking.k8s.io/v1", resource: "networkpolicies" };
    return namespaced(registry, path, "NetworkPolicy", NAMES.registry, { spec });
}

function service(registry: DeployedRegistry, instance: Instance): RegistryObject {
    const nodePort = registry.expose === "nodePort" ? { nodePort: splitHost(registry.hosts[instance], 443).port } : {};
    const spec = {
        type: registry.expose === "nodePort" ? "NodePort" : "ClusterIP",
        selector: POD_LABELS,
        ports: [{ name: "https", protocol: "TCP", port: 443, targetPort: PORTS[instance].https, ...nodePort }],
    };
    const path = { apiVersion: "v1", resource: "services" };
    return namespaced(registry, path, "Service", NAMES.services[instance], { spec });
}

/** TLS ends in the pod: the router passes it through by the host's name (SNI). */
function route(registry: DeployedRegistry, instance: Instance): RegistryObject {
    const spec = {
        host: splitHost(registry.hosts[instance], 443).host,
        to: { kind: "Service", name: NAMES.services[instance], weight: 100 },
        port: { targetPort: "https" },
        tls: { termination: "passthrough", insecureEdgeTerminationPolicy: "None" },
    };
    const path = { apiVersion: "route.openshift.io/v1", resource: "routes" };
    return namespaced(registry, path, "Route", NAMES.services[instance], { spec });
}
