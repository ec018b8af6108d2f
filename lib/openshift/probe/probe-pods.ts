import { type Digest, computeDigest } from "../../oci/digest";
import { formatReference } from "../../oci/reference";
import type { NewObject } from "../../kubernetes/cluster-client";
import { OWNER_ANNOTATION } from "../objects/owner";
import { PROBE_COMMAND } from "./probe-image";
import type { ProbeForm, SourceProbe } from "./probe-plan";
import type { ProbePool } from "./probe-pools";

/** The namespace of a probe where none is configured. */
export const PROBE_NAMESPACE = "registry-passthrough-probe";

/** The container that pulls. */
export const PROBE_CONTAINER = "probe";

const LABEL = "app.kubernetes.io/name";
const LABELLED = "registry-passthrough-probe";

/** One pull on one node of a pool. */
export interface Probe {
    readonly pool: ProbePool;
    readonly source: SourceProbe;
    readonly form: ProbeForm;
    /** As the pod names it. */
    readonly image: string;
    /** What a node may report as the image; empty: nobody has it. */
    readonly digests: readonly Digest[];
}

/** What a probe pulls of a source: two images, so that the one pull does not leave what the other one asks for. */
export interface ProbeContent {
    /** By tag, and by the digest of another image. */
    readonly tag: { readonly name: string; readonly digests: readonly Digest[] };
    readonly digest: { readonly digest: Digest; readonly digests: readonly Digest[] };
}

/** The pulls of one source in one pool that the rules redirect. */
export function listProbes(pool: ProbePool, source: SourceProbe, run: string, content: ProbeContent): Probe[] {
    const { upstream, notProbed } = source;
    const absent = computeDigest(`registry-passthrough: nobody has this ${run}`);
    const forms: readonly (readonly [form: ProbeForm, image: string, digests: readonly Digest[]])[] = [
        ["digest", formatReference({ ...upstream, digest: content.digest.digest }), content.digest.digests],
        ["tag", formatReference({ ...upstream, tag: content.tag.name }), content.tag.digests],
        ["absent", formatReference({ ...upstream, digest: absent }), []],
    ];
    return forms
        .filter(([form]) => notProbed[form] === undefined)
        .map(([form, image, digests]) => ({ pool, source, form, image, digests }));
}

/** Whose a probe's objects are. */
export interface ProbeOwner {
    readonly namespace: string;
    /** `clusterOwner` of the cluster. */
    readonly owner: string;
}

/** More would be a long object, and any of them proves the pool. */
const MAX_NODES = 20;
/** A pod that nobody removes any more ends by itself. */
const DEADLINE_SECONDS = 600;

/**
 * A pod that pulls the image and ends at once. It has what PodSecurity `restricted` and the SCC `restricted-v2` ask for
 * (no user of its own: OpenShift assigns one), requests and limits for quotas, and takes no token.
 */
export function probePod({ pool, image }: Pick<Probe, "pool" | "image">, name: string, owner: ProbeOwner): NewObject {
    const pod = {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name, namespace: owner.namespace, ...marks(owner) },
        spec: {
            restartPolicy: "Never",
            activeDeadlineSeconds: DEADLINE_SECONDS,
            terminationGracePeriodSeconds: 1,
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: onOneOf(pool.nodes) } },
            tolerations: [{ operator: "Exists" }],
            securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
            containers: [
                {
                    name: PROBE_CONTAINER,
                    image,
                    command: [PROBE_COMMAND],
                    // The default for a digest takes what is on the node.
                    imagePullPolicy: "Always",
                    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
                    resources: { requests: { cpu: "10m", memory: "16Mi" }, limits: { cpu: "100m", memory: "64Mi" } },
                },
            ],
        },
    };
    return pod;
}

/** Terms are alternatives, and each may name one node by its field (core/v1 NodeSelectorTerm). */
function onOneOf(nodes: readonly string[]): object {
    return {
        nodeSelectorTerms: nodes.slice(0, MAX_NODES).map((node) => ({
            matchFields: [{ key: "metadata.name", operator: "In", values: [node] }],
        })),
    };
}

/** A namespace for probes that an administrator creates and that stays: no probe takes it for its own. */
export function standingNamespace(name: string): NewObject {
    return {
        apiVersion: "v1",
        kind: "Namespace",
        metadata: {
            name,
            labels: { "pod-security.kubernetes.io/enforce": "restricted" },
            // Without it, a cluster's default node selector keeps pods from nodes of other pools.
            annotations: { "openshift.io/node-selector": "" },
        },
    };
}

/** The same, created by a probe, and removed after it. */
export function probeNamespace(owner: ProbeOwner): NewObject {
    const { metadata, ...rest } = standingNamespace(owner.namespace);
    const { labels, annotations } = marks(owner);
    return {
        ...rest,
        metadata: {
            ...metadata,
            labels: { ...metadata.labels, ...labels },
            annotations: { ...metadata.annotations, ...annotations },
        },
    };
}

function marks({ owner }: ProbeOwner) {
    return { labels: { [LABEL]: LABELLED }, annotations: { [OWNER_ANNOTATION]: owner } };
}

interface MarkedObject {
    readonly metadata: {
        readonly labels?: Readonly<Record<string, string>>;
        readonly annotations?: Readonly<Record<string, string>>;
    };
}

/** True for what a probe of this owner has created, also one that was killed. */
export function isOwnProbe({ metadata: { labels, annotations } }: MarkedObject, { owner }: ProbeOwner): boolean {
    return labels?.[LABEL] === LABELLED && annotations?.[OWNER_ANNOTATION] === owner;
}
