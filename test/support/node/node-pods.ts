import { setTimeout as delay } from "node:timers/promises";
import type { ContainerStatus, ProbePod } from "../../../lib/openshift/probe/probe-objects";
import type { ApiClient, NamedObject } from "../cluster/api-client";
import { NODE, type RealNode } from "./real-node";

/** `runs`, or the kubelet's reason and text of a pull that failed. */
export type PodOutcome = string;

export const RUNS: PodOutcome = "runs";

const NAMESPACE = "default";
/** Reasons of a kubelet that has not got an image (pkg/kubelet/images/types.go). */
const FAILURES = ["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "RegistryUnavailable", "ImageInspectError"];

interface NodePod extends NamedObject {
    readonly status?: { readonly containerStatuses?: readonly (ContainerStatus & { readonly containerID?: string })[] };
}

/** Pods of one container on the node of a test. */
export class NodePods {
    private count = 0;

    constructor(
        private readonly api: ApiClient,
        private readonly node: RealNode,
    ) {}

    /** @param secret its imagePullSecret; absent: none. @returns the name of the pod */
    async start(image: string, secret?: string): Promise<string> {
        const name = `pod-${++this.count}`;
        const container = { name: "pause", image, imagePullPolicy: "IfNotPresent" };
        const imagePullSecrets = secret === undefined ? [] : [{ name: secret }];
        const spec = {
            ...{ nodeName: NODE, hostNetwork: true, terminationGracePeriodSeconds: 0 },
            ...{ automountServiceAccountToken: false, imagePullSecrets, containers: [container] },
        };
        await this.api.create({ ...reference(name), spec } as ProbePod & NamedObject);
        return name;
    }

    /** What came of a pod's container, or of the one that follows `before`. */
    async outcome(name: string, before?: string): Promise<PodOutcome> {
        for (;;) {
            const { state, containerID } = (await this.container(name)) ?? {};
            if (state?.running !== undefined && containerID !== before) return RUNS;
            const { reason = "", message = "" } = state?.waiting ?? {};
            if (FAILURES.includes(reason)) return `${reason}: ${message}`;
            await delay(100);
        }
    }

    /** Kills the container of a pod that runs. @returns what came of the next one */
    async killed(name: string): Promise<PodOutcome> {
        const { containerID = "" } = (await this.container(name)) ?? {};
        this.node.killContainer(containerID);
        return this.outcome(name, containerID);
    }

    /** Deletes every pod. */
    async clear(): Promise<void> {
        const pods = await this.api.list<NodePod>({ apiVersion: "v1", kind: "Pod" }, NAMESPACE);
        for (const { metadata } of pods) await this.api.remove(reference(metadata.name));
    }

    private async container(name: string) {
        return (await this.api.get<NodePod>(reference(name)))?.status?.containerStatuses?.[0];
    }
}

function reference(name: string): NamedObject {
    return { apiVersion: "v1", kind: "Pod", metadata: { name, namespace: NAMESPACE } };
}

export interface Account {
    readonly username: string;
    readonly password: string;
}

/** An account in a Secret that pods name in `imagePullSecrets`. @param place registry and path that it is for */
export function pullSecret(name: string, place: string, account: Account): NamedObject {
    return {
        ...{ apiVersion: "v1", kind: "Secret", type: "kubernetes.io/dockerconfigjson" },
        metadata: { name, namespace: NAMESPACE },
        stringData: { ".dockerconfigjson": JSON.stringify(dockerConfig([place], account)) },
    } as NamedObject;
}

/** What container tools read an account from (config.json). @param places registries and paths that it is for */
export function dockerConfig(places: readonly string[], { username, password }: Account): object {
    const auth = Buffer.from(`${username}:${password}`).toString("base64");
    return { auths: Object.fromEntries(places.map((place) => [place, { auth }])) };
}
