import { type ApiClient, ApiError, type ApiObject, type NamedObject } from "./cluster/api-client";

/** The container that pulls; a test may have others added. */
const PROBE = "probe";

/** What a node does with a pod: the state of its container, and what it says about it. */
export interface PodScript {
    readonly state?: object;
    /** `imageID` of the container. */
    readonly imageID?: string;
    /** `reason` and `message` of events, and the container, if it is another one; Warning if the reason is `Failed`. */
    readonly events?: readonly (readonly [reason: string, message: string, container?: string])[];
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
 * them: a pod gets a node, the status and the events of its script, and goes when it is deleted, or its namespace is.
 */
export class ScriptedKubelet {
    /** Every pod that a node has taken, in order. */
    readonly seen: ScriptedPod[] = [];
    /** No node takes pods meanwhile. */
    isPaused = false;

    constructor(
        private readonly api: ApiClient,
        private readonly namespace: string,
        public script: KubeletScript,
    ) {}

    /**
     * One look at everything, which a test does whenever the program waits.
     * @returns true if anything has changed
     */
    async pass(): Promise<boolean> {
        const metadata = { name: this.namespace };
        const namespace = await this.api.get({ apiVersion: "v1", kind: "Namespace", metadata });
        const isEnding = namespace !== undefined && isDeleted(namespace);
        let isChanged = isEnding;
        for (const pod of await this.api.list({ apiVersion: "v1", kind: "Pod" }, this.namespace)) {
            if (isDeleted(pod) || isEnding) await this.end(pod);
            else if (this.isPaused || this.seen.some(({ name }) => name === pod.metadata.name)) continue;
            else await this.start(pod);
            isChanged = true;
        }
        if (isEnding) await this.finalize(namespace);
        return isChanged;
    }

    private async start(pod: ApiObject): Promise<void> {
        const scripted = scriptedPod(pod);
        this.seen.push(scripted);
        const found = this.script(scripted);
        if (found === undefined) return;
        try {
            await this.report(pod, scripted, found);
        } catch (error) {
            // Deleted in the meantime, or in a namespace that is.
            if (!(error instanceof ApiError) || ![403, 404, 409].includes(error.status)) throw error;
        }
    }

    private async report(pod: ApiObject, scripted: ScriptedPod, found: PodScript): Promise<void> {
        const path = `/api/v1/namespaces/${this.namespace}/pods/${scripted.name}/binding`;
        const target = { apiVersion: "v1", kind: "Node", name: scripted.nodes[0] };
        const metadata = { name: scripted.name };
        await this.api.request("POST", path, { apiVersion: "v1", kind: "Binding", metadata, target });
        for (const [at, [reason, message, container = PROBE]] of (found.events ?? []).entries()) {
            const fieldPath = `spec.containers{${container}}`;
            const involvedObject = { kind: "Pod", name: scripted.name, namespace: this.namespace, fieldPath };
            await this.api.create({
                ...{ apiVersion: "v1", kind: "Event", reason, message, involvedObject },
                type: reason === "Failed" ? "Warning" : "Normal",
                metadata: { name: `${scripted.name}.${at}`, namespace: this.namespace },
            } as NamedObject);
        }
        if (found.state === undefined) return;
        const { imageID = "", state } = found;
        const statuses = containersOf(pod).map(({ name, image }) => {
            const status = { name, ready: false, restartCount: 0, image, imageID: "" };
            return name === PROBE ? { ...status, imageID, state } : { ...status, state: { running: {} } };
        });
        const containerStatuses = statuses.sort((a, b) => (a.name < b.name ? -1 : 1));
        await this.api.patch(reference(pod), { status: { containerStatuses } }, "/status");
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

function containersOf({ spec }: ApiObject): Spec["containers"] {
    return (spec as unknown as Spec).containers;
}

function isDeleted({ metadata }: ApiObject): boolean {
    return "deletionTimestamp" in metadata;
}

function reference({ metadata: { name, namespace = "" } }: ApiObject): NamedObject {
    return { apiVersion: "v1", kind: "Pod", metadata: { name, namespace } };
}

interface Spec {
    readonly containers: readonly { readonly name: string; readonly image: string }[];
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
    return { name, namespace, image: containers.find((one) => one.name === PROBE)?.image ?? "", nodes };
}
