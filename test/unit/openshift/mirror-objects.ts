import type {
    ImageContentSourcePolicy,
    ImageDigestMirrorSet,
    ImageTagMirrorSet,
    MirrorEntry,
} from "../../../lib/openshift";

/** One entry: a source, its mirrors, and the policy where a test is about it. */
export function entry(
    source: string,
    mirrors: readonly string[],
    mirrorSourcePolicy?: MirrorEntry["mirrorSourcePolicy"],
): MirrorEntry {
    return { source, mirrors, ...(mirrorSourcePolicy === undefined ? {} : { mirrorSourcePolicy }) };
}

export function idms(...imageDigestMirrors: MirrorEntry[]): ImageDigestMirrorSet {
    return {
        apiVersion: "config.openshift.io/v1",
        kind: "ImageDigestMirrorSet",
        metadata: { name: "some-digest" },
        spec: { imageDigestMirrors },
    };
}

export function itms(...imageTagMirrors: MirrorEntry[]): ImageTagMirrorSet {
    return {
        apiVersion: "config.openshift.io/v1",
        kind: "ImageTagMirrorSet",
        metadata: { name: "some-tag" },
        spec: { imageTagMirrors },
    };
}

export function icsp(...repositoryDigestMirrors: MirrorEntry[]): ImageContentSourcePolicy {
    return {
        apiVersion: "operator.openshift.io/v1alpha1",
        kind: "ImageContentSourcePolicy",
        metadata: { name: "some-policy" },
        spec: { repositoryDigestMirrors },
    };
}
