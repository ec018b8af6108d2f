import { PassthroughError } from "../../errors/errors";
import { type TargetFiles, type TargetInput, digestRoutes, formatYaml, tagNotes, withUsage } from "./target";

/** openshift/hypershift, api/hypershift/v1beta1/hostedcluster_types.go: MaxItems of imageContentSources. */
const MAX_SOURCES = 255;

const TRUST_BUNDLE = "registry-passthrough-ca";

const PATCH_USAGE: readonly string[] = [
    "oc patch hostedcluster <name> -n <namespace> --type merge --patch-file hosted-cluster.patch.yaml",
    "A change of imageContentSources rolls every NodePool. The registry's account (stack output pullSecret) belongs into",
    "the Secret that spec.pullSecret names.",
];
const CA_USAGE: readonly string[] = ["oc apply -n <namespace of the HostedCluster> -f hosted-cluster.ca.yaml"];

/**
 * What a HostedCluster (HyperShift) needs of a mirror: a merge patch for it, and the ConfigMap with the registry's CA that
 * the patch names, without a namespace: it belongs into that of the HostedCluster.
 * @throws PassthroughError `MIRROR_RULE_INVALID` for more sources than the API accepts
 */
export function hostedClusterFiles(input: TargetInput): TargetFiles {
    const routes = digestRoutes(input);
    const sources = routes.map(({ source, mirrors }) => ({ source, mirrors }));
    if (sources.length > MAX_SOURCES) throw tooManySources(sources.length);
    const patch = {
        spec: {
            ...(input.ca === "" ? {} : { additionalTrustBundle: { name: TRUST_BUNDLE } }),
            imageContentSources: sources,
        },
    };
    const trustBundle = {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: TRUST_BUNDLE },
        data: { "ca-bundle.crt": input.ca },
    };
    return {
        files: {
            "hosted-cluster.patch.yaml": withUsage(PATCH_USAGE, formatYaml(patch)),
            ...(input.ca === "" ? {} : { "hosted-cluster.ca.yaml": withUsage(CA_USAGE, formatYaml(trustBundle)) }),
        },
        notes: [
            ...tagNotes(input.objects, "a HostedCluster"),
            ...(routes.some(({ isNever }) => isNever)
                ? [
                      "a HostedCluster cannot say contactSource: never: what the mirror lacks is still asked for upstream; " +
                          "only a firewall forbids that",
                  ]
                : []),
        ],
    };
}

function tooManySources(count: number): PassthroughError {
    return new PassthroughError(`a HostedCluster takes at most ${MAX_SOURCES} image content sources, not ${count}`, {
        code: "MIRROR_RULE_INVALID",
        thing: "target hypershift",
        fix: "mirror fewer upstream hosts for this site, or take hypershift out of site.cluster.targets",
    });
}
