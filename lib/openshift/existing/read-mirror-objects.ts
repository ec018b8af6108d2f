import type { ClusterClient, KubernetesObject, ResourcePath } from "../../kubernetes/cluster-client";
import type { MirrorObject } from "../rules/mirror-object-types";
import type { MirrorKind } from "../versions";

/** Where the mirror objects of each kind are. */
export const MIRROR_PATHS = {
    ImageContentSourcePolicy: { apiVersion: "operator.openshift.io/v1alpha1", resource: "imagecontentsourcepolicies" },
    ImageDigestMirrorSet: { apiVersion: "config.openshift.io/v1", resource: "imagedigestmirrorsets" },
    ImageTagMirrorSet: { apiVersion: "config.openshift.io/v1", resource: "imagetagmirrorsets" },
} as const satisfies Record<MirrorObject["kind"], ResourcePath>;

const LISTED = [
    ["ICSP", "ImageContentSourcePolicy"],
    ["IDMS", "ImageDigestMirrorSet"],
    ["ITMS", "ImageTagMirrorSet"],
] as const satisfies readonly (readonly [MirrorKind, MirrorObject["kind"]])[];

/** The mirror objects of a cluster, and which of their kinds its API serves. */
export interface MirrorObjects {
    readonly objects: readonly MirrorObject[];
    readonly servedKinds: readonly MirrorKind[];
}

/** Every ICSP, IDMS and ITMS, whoever has written it. @throws ClusterError */
export async function readMirrorObjects(client: ClusterClient): Promise<MirrorObjects> {
    const lists = await Promise.all(
        LISTED.map(([, kind]) => client.list<MirrorObject & KubernetesObject>(MIRROR_PATHS[kind])),
    );
    return {
        objects: lists.flatMap((list) => list ?? []),
        servedKinds: LISTED.flatMap(([short], at) => (lists[at] === undefined ? [] : [short])),
    };
}
