import type { ClusterClient, KubernetesObject, ResourcePath } from "../../kubernetes/cluster-client";
import type { MirrorObject } from "../rules/mirror-object-types";
import type { MirrorKind } from "../versions";

const MIRROR_PATHS: Readonly<Record<MirrorKind, ResourcePath>> = {
    ICSP: { apiVersion: "operator.openshift.io/v1alpha1", resource: "imagecontentsourcepolicies" },
    IDMS: { apiVersion: "config.openshift.io/v1", resource: "imagedigestmirrorsets" },
    ITMS: { apiVersion: "config.openshift.io/v1", resource: "imagetagmirrorsets" },
};

/** The mirror objects of a cluster, and which of their kinds its API serves. */
export interface MirrorObjects {
    readonly objects: readonly MirrorObject[];
    readonly servedKinds: readonly MirrorKind[];
}

/** Every ICSP, IDMS and ITMS, whoever has written it. @throws ClusterError */
export async function readMirrorObjects(client: ClusterClient): Promise<MirrorObjects> {
    const kinds = Object.keys(MIRROR_PATHS) as MirrorKind[];
    const lists = await Promise.all(
        kinds.map((kind) => client.list<MirrorObject & KubernetesObject>(MIRROR_PATHS[kind])),
    );
    return {
        objects: lists.flatMap((list) => list ?? []),
        servedKinds: kinds.filter((_, at) => lists[at] !== undefined),
    };
}
