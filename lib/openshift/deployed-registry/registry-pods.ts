import { createHmac } from "node:crypto";
import { computeDigest } from "../../oci/digest";
import { type DeployedRegistry, INSTANCES, type Instance, NAMES, POD_LABELS, bucketOf } from "./deployment";
import { FOLDERS, PORTS, STORAGE_CA, registryConfig } from "./registry-config";
import { type RegistryObject, namespaced } from "./registry-object";

/** The registry reads its configuration, certificate and the account of its bucket once: pods start again for another one. */
const CONTENT = "registry-passthrough/configuration";

/**
 * Both instances in one pod: they share a volume that only one node may mount, and a StatefulSet never runs two of them
 * at the same time.
 */
export function registryPods(registry: DeployedRegistry): RegistryObject {
    const { runAsUser } = registry;
    const spec = {
        replicas: 1,
        serviceName: NAMES.services.pull,
        // With OrderedReady, pods that cannot start are not replaced by those of a corrected template.
        podManagementPolicy: "Parallel",
        selector: { matchLabels: POD_LABELS },
        template: {
            metadata: { labels: POD_LABELS, annotations: { [CONTENT]: configurationDigest(registry) } },
            spec: {
                automountServiceAccountToken: false,
                // Variables such as REGISTRY_PORT would be taken for settings of the registry.
                enableServiceLinks: false,
                terminationGracePeriodSeconds: 30,
                securityContext: { ...podSecurity(runAsUser), fsGroupChangePolicy: "OnRootMismatch" },
                containers: INSTANCES.map((instance) => container(registry, instance)),
                volumes: [
                    { name: "config", configMap: { name: NAMES.config } },
                    { name: "certificate", secret: { secretName: NAMES.certificate, defaultMode: 0o440 } },
                    ...INSTANCES.map((instance) => ({
                        name: `${instance}-accounts`,
                        secret: { secretName: NAMES.accounts[instance], defaultMode: 0o440 },
                    })),
                    ...(bucketOf(registry.storage) === undefined
                        ? [{ name: "storage", persistentVolumeClaim: { claimName: NAMES.storage } }]
                        : []),
                ],
            },
        },
    };
    const path = { apiVersion: "apps/v1", resource: "statefulsets" };
    return namespaced(registry, path, "StatefulSet", NAMES.registry, { spec });
}

/** Whoever reads it learns nothing of the account of the bucket: the key of the certificate is part of it then. */
function configurationDigest({ storage, storageAccount, chain, key }: DeployedRegistry): string {
    const files = [...INSTANCES.map((instance) => registryConfig(instance, { storage })), chain];
    const bucket = bucketOf(storage);
    if (bucket === undefined || storageAccount === undefined) return computeDigest(files.join("\n"));
    const { accessKey, secretKey } = storageAccount;
    const account = createHmac("sha256", key)
        .update(JSON.stringify([accessKey, secretKey]))
        .digest("hex");
    return computeDigest([...files, bucket.ca ?? "", account].join("\n"));
}

/** As PodSecurity `restricted` wants it. @param user absent: the cluster assigns one */
export function podSecurity(user: number | undefined): object {
    const own = user === undefined ? {} : { runAsUser: user, runAsGroup: user, fsGroup: user };
    return { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" }, ...own };
}

export const containerSecurity = {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
} as const;

/** As the AWS SDK for Go reads it (`aws/session`, environment variables): the CAs take the place of the public ones. */
function bucketEnvironment({ storage }: DeployedRegistry): object[] {
    const bucket = bucketOf(storage);
    if (bucket === undefined) return [];
    const account = (name: string, key: string) => ({
        name,
        valueFrom: { secretKeyRef: { name: NAMES.storageAccount, key } },
    });
    return [
        account("AWS_ACCESS_KEY_ID", "accessKey"),
        account("AWS_SECRET_ACCESS_KEY", "secretKey"),
        ...(bucket.ca === undefined ? [] : [{ name: "AWS_CA_BUNDLE", value: `${FOLDERS.config}/${STORAGE_CA}` }]),
    ];
}

function container(registry: DeployedRegistry, instance: Instance): object {
    const { image, storage } = registry;
    const { https, health } = PORTS[instance];
    const mount = (name: string, mountPath: string) => ({ name, mountPath, readOnly: true });
    return {
        name: instance,
        image,
        // A node may have it already, where no registry has it yet.
        imagePullPolicy: "IfNotPresent",
        command: ["registry", "serve", `${FOLDERS.config}/${instance}.yml`],
        // Version 3 sends traces unless it is told not to.
        env: [{ name: "OTEL_TRACES_EXPORTER", value: "none" }, ...bucketEnvironment(registry)],
        ports: [
            { name: `${instance}-https`, containerPort: https, protocol: "TCP" },
            { name: `${instance}-health`, containerPort: health, protocol: "TCP" },
        ],
        readinessProbe: { httpGet: { path: "/debug/health", port: health, scheme: "HTTP" }, periodSeconds: 5 },
        // Storage that is away for a while is no reason to start again.
        livenessProbe: { tcpSocket: { port: https }, periodSeconds: 20, failureThreshold: 6 },
        resources: { requests: { cpu: "100m", memory: "256Mi" }, limits: { cpu: "2", memory: "1Gi" } },
        securityContext: containerSecurity,
        volumeMounts: [
            mount("config", FOLDERS.config),
            mount("certificate", FOLDERS.certificate),
            mount(`${instance}-accounts`, FOLDERS.accounts),
            ...(bucketOf(storage) === undefined
                ? [{ name: "storage", mountPath: FOLDERS.storage, ...(instance === "pull" ? { readOnly: true } : {}) }]
                : []),
        ],
    };
}
