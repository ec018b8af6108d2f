import { randomUUID } from "node:crypto";
import { PassthroughError } from "../../errors/errors";
import type { ClusterClient, KubernetesObject, NewObject, ResourcePath } from "../../kubernetes/cluster-client";
import { OWNER_ANNOTATION, isOwnObject } from "../objects/owner";
import { retryConflicts } from "../trust/conflict-retry";
import { type DeployedRegistry, NAMES } from "./deployment";
import { containerSecurity, podSecurity } from "./registry-pods";
import { type RegistryWait, waitFor } from "./registry-rollout";

/** Not that of the registry's pods, which get the connections of clients. */
const LABELS = { "app.kubernetes.io/name": "registry-passthrough-image-check" } as const;
const MINUTES = 10;

/** Reasons of a kubelet that has given up for now (pkg/kubelet/images, pkg/kubelet/kuberuntime). */
const REFUSALS = new Set([
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "StartError",
]);

interface ContainerState {
    readonly running?: object;
    readonly terminated?: { readonly reason?: string; readonly message?: string };
    readonly waiting?: { readonly reason?: string; readonly message?: string };
}

interface Pod extends KubernetesObject {
    readonly spec?: { readonly nodeName?: string };
    readonly status?: {
        readonly phase?: string;
        readonly message?: string;
        readonly containerStatuses?: readonly { readonly state?: ContainerState }[];
    };
}

interface StatefulSet extends KubernetesObject {
    readonly spec?: {
        readonly template?: { readonly spec?: { readonly containers?: readonly { readonly image?: string }[] } };
    };
}

/**
 * That the node which runs the registry can run another image: a pod of its own gets it there first, since the StatefulSet
 * ends the present pod before it starts the next one. Asks nothing where no pod runs, or the image stays.
 * @throws PassthroughError `ROLLOUT_FAILED` in the node's words, `ROLLOUT_TIMEOUT`; the signal's reason. Nothing was changed then.
 */
export async function requireRunnableImage(
    client: ClusterClient,
    registry: DeployedRegistry,
    wait: RegistryWait,
): Promise<void> {
    const { namespace, image, owner } = registry;
    const pods: ResourcePath = { apiVersion: "v1", resource: "pods", namespace };
    const sets = { apiVersion: "apps/v1", resource: "statefulsets", namespace };
    const set = await client.get<StatefulSet>(sets, NAMES.registry);
    const images = set?.spec?.template?.spec?.containers?.map((container) => container.image) ?? [];
    if (images.every((before) => before === image)) return;
    const nodeName = (await client.get<Pod>(pods, `${NAMES.registry}-0`))?.spec?.nodeName;
    if (nodeName === undefined) return;
    const pod = checkPod(registry, nodeName);
    try {
        await removeChecks(client, pods, owner, wait);
        await client.create(pods, pod);
        await waitFor(() => outcome(client, pods, pod.metadata.name, { nodeName, image }), {
            ...wait,
            minutes: MINUTES,
            place: client.server,
            fix: `look at the pod: oc -n ${namespace} describe pods; nothing was changed; run again`,
        });
    } finally {
        // One that stays, after Ctrl-C or a lost connection, ends by itself, and the next check removes it.
        await removeChecks(client, pods, owner, wait).catch(() => undefined);
    }
}

/** What is still to come; undefined: the image runs there. */
async function outcome(
    client: ClusterClient,
    pods: ResourcePath,
    name: string,
    { nodeName, image }: { readonly nodeName: string; readonly image: string },
): Promise<string | undefined> {
    const { status } = (await client.get<Pod>(pods, name)) ?? {};
    const { running, terminated, waiting } = status?.containerStatuses?.[0]?.state ?? {};
    const { reason, message } = waiting ?? terminated ?? { reason: undefined, message: status?.message };
    const said = [reason, message].filter(Boolean).join(": ");
    if (REFUSALS.has(reason ?? "") || (status?.phase === "Failed" && terminated === undefined)) {
        throw new PassthroughError(`the node ${nodeName}, which runs the registry, cannot run ${image}: ${said}`, {
            code: "ROLLOUT_FAILED",
            place: { cluster: client.server },
            thing: "site.registry.deploy.cluster.image",
            fix:
                "the registry runs on as before; name an image with the program `registry` that nodes can pull, or load it on " +
                "every node, then run again",
        });
    }
    if (running !== undefined || terminated !== undefined) return undefined;
    return `the node ${nodeName} to get ${image}${said === "" ? "" : ` (${said})`}`;
}

function checkPod({ namespace, owner, image, runAsUser }: DeployedRegistry, nodeName: string): NewObject {
    const container = {
        name: "image",
        image,
        imagePullPolicy: "IfNotPresent",
        command: ["registry", "--version"],
        resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { cpu: "1", memory: "256Mi" } },
        securityContext: containerSecurity,
    };
    return {
        apiVersion: "v1",
        kind: "Pod",
        metadata: {
            name: `registry-image-check-${randomUUID().slice(0, 8)}`,
            namespace,
            labels: LABELS,
            annotations: { [OWNER_ANNOTATION]: owner },
        },
        spec: {
            nodeName,
            restartPolicy: "Never",
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            terminationGracePeriodSeconds: 0,
            securityContext: podSecurity(runAsUser),
            containers: [container],
        },
    } as NewObject;
}

/** Removes the pods of this run, and of one that was killed. */
async function removeChecks(client: ClusterClient, pods: ResourcePath, owner: string, wait: RegistryWait) {
    const [[label, value]] = Object.entries(LABELS) as [[string, string]];
    const found = (await client.list<Pod>(pods)) ?? [];
    for (const { metadata } of found.filter((pod) => pod.metadata.labels?.[label] === value)) {
        await retryConflicts(wait, async () => {
            const live = await client.get<Pod>(pods, metadata.name);
            if (live === undefined || !isOwnObject(live, { owner })) return;
            await client.remove(pods, metadata.name, live.metadata.resourceVersion ?? "");
        });
    }
}
