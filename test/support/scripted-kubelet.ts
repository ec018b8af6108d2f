import type { ApiClient, ApiObject, NamedObject } from "./cluster/api-client";

/** What a node does with a pod: the state of its container, and what it says about it. */
export interface PodScript {
    readonly state?: object;
    /** `imageID` of the container. */
    readonly imageID?: string;
    /** `reason` and `message` of events; Warning if the reason is `Failed`. */
    readonly events?: readonly (readonly [reason: string, message: string])[];
}

/** A pod as far as a script looks at it. */
export interface ScriptedPod {
    readonly name: string;
    readonly namespace: string;
    readonly image: string;
    /** Nodes that it may run on. */
    readonly nodes: readonly string[];
}

/** @returns undefined: the node does nothing with it */
export type KubeletScript = (pod: ScriptedPod) => PodScript | undefined;

/**
 * What scheduler, kubelets and the namespace controller do with pods of one namespace, on an API server that has none of
 * them: a pod gets a node, the status and the events of its script, and goes when it is deleted.
 */
export class ScriptedKubelet {
    /** Every pod that has been seen, in order. */
    readonly seen: ScriptedPod[] = [];

    constructor(
        private readonly api: ApiClient,
        private readonly namespace: string,
        private readonly script: KubeletScript,
    ) {}

    /** One look at everything, which a test does whenever the program waits. */
    async pass(): Promise<void> {
        for (const pod of await this.api.list({ apiVersion: "v1", kind: "Pod" }, this.namespace)) {
            if (isDeleted(pod)) await this.end(pod);
            else if (!this.seen.some(({ name }) => name === pod.metadata.name)) await this.start(pod);
        }
        const metadata = { name: this.namespace };
        const namespace = await this.api.get({ apiVersion: "v1", kind: "Namespace", metadata });
        if (namespace !== undefined && isDeleted(namespace)) await this.finalize(namespace);
    }

    private async start(pod: ApiObject): Promise<void> {
        const scripted = scriptedPod(pod);
        this.seen.push(scripted);
        const found = this.script(scripted);
        if (found === undefined) return;
        const path = `/api/v1/namespaces/${this.namespace}/pods/${scripted.name}/binding`;
        const target = { apiVersion: "v1", kind: "Node", name: scripted.nodes[0] };
        const metadata = { name: scripted.name };
        await this.api.request("POST", path, { apiVersion: "v1", kind: "Binding", metadata, target });
        for (const [at, [reason, message]] of (found.events ?? []).entries()) {
            const involvedObject = { kind: "Pod", name: scripted.name, namespace: this.namespace };
            await this.api.create({
                ...{ apiVersion: "v1", kind: "Event", reason, message, involvedObject },
                type: reason === "Failed" ? "Warning" : "Normal",
                metadata: { name: `${scripted.name}.${at}`, namespace: this.namespace },
            } as NamedObject);
        }
        if (found.state === undefined) return;
        const { imageID = "", state } = found;
        const status = { name: "probe", ready: false, restartCount: 0, image: scripted.image, imageID, state };
        await this.api.patch(reference(pod), { status: { containerStatuses: [status] } }, "/status");
    }

    /** As a kubelet whose containers have ended. */
    private async end({ metadata }: ApiObject): Promise<void> {
        const path = `/api/v1/namespaces/${this.namespace}/pods/${metadata.name}?gracePeriodSeconds=0`;
        await this.api.request("DELETE", path);
    }

    private async finalize({ metadata }: ApiObject): Promise<void> {
        const namespace = { apiVersion: "v1", kind: "Namespace", metadata, spec: { finalizers: [] } };
        await this.api.request("PUT", `/api/v1/namespaces/${this.namespace}/finalize`, namespace);
    }
}

function isDeleted({ metadata }: ApiObject): boolean {
    return "deletionTimestamp" in metadata;
}

function reference({ metadata: { name, namespace = "" } }: ApiObject): NamedObject {
    return { apiVersion: "v1", kind: "Pod", metadata: { name, namespace } };
}

interface Spec {
    readonly containers: readonly { readonly image: string }[];
    readonly affinity?: {
        readonly nodeAffinity?: {
            readonly requiredDuringSchedulingIgnoredDuringExecution?: {
                readonly nodeSelectorTerms: readonly {
                    readonly matchFields: readonly { readonly values: string[] }[];
                }[];
            };
        };
    };
}

function scriptedPod({ metadata: { name, namespace = "" }, spec }: ApiObject): ScriptedPod {
    const { containers, affinity } = spec as unknown as Spec;
    const terms = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
    const nodes = terms.flatMap(({ matchFields }) => matchFields.flatMap(({ values }) => values));
    return { name, namespace, image: containers[0]?.image ?? "", nodes };
}
