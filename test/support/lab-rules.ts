import type { MirrorObject } from "../../lib/openshift";

const CONFIG = "config.openshift.io/v1";
/** The registry of a stack `lab`. */
const MIRROR = "registry.lab.test:8443/mirror";

export type Policy = "NeverContactSource" | "AllowContactingSource";

/** The pair of a stack `lab`. @param mirror `host[:port]/path`; default: the registry of that stack */
export function mirrorPair(sources: readonly string[], policy: Policy, mirror = MIRROR): MirrorObject[] {
    const entries = sources.map((source) => ({
        source,
        mirrors: [`${mirror}/${source}`],
        mirrorSourcePolicy: policy,
    }));
    return [
        {
            apiVersion: CONFIG,
            kind: "ImageDigestMirrorSet",
            metadata: { name: "passthrough-lab-digest" },
            spec: { imageDigestMirrors: entries },
        },
        {
            apiVersion: CONFIG,
            kind: "ImageTagMirrorSet",
            metadata: { name: "passthrough-lab-tag" },
            spec: { imageTagMirrors: entries },
        },
    ];
}

/** What this stack had written when the cluster was 4.12. */
export function mirrorPolicy(sources: readonly string[]): MirrorObject {
    return {
        apiVersion: "operator.openshift.io/v1alpha1",
        kind: "ImageContentSourcePolicy",
        metadata: { name: "passthrough-lab" },
        spec: {
            repositoryDigestMirrors: sources.map((source) => ({ source, mirrors: [`${MIRROR}/${source}`] })),
        },
    };
}
