import type * as pulumi from "@pulumi/pulumi";
import { ClusterOldRules } from "../dynamic-providers/cluster-old-rules/resource";
import type { clusterArgs } from "../dynamic-providers/cluster/cluster-kind";
import type { ResourceArgs } from "../dynamic-providers/lifecycle/dynamic-resource";
import type { RegistryArgs } from "../dynamic-providers/registry/registry-kind";
import type { MirrorObject, OldObjectStages } from "../lib/openshift";
import type { SiteCluster } from "../lib/site";

interface OldRulesParts {
    readonly cluster: SiteCluster;
    readonly stages: OldObjectStages;
    readonly connection: ResourceArgs<typeof clusterArgs>;
    /** With the account that clusters pull with. */
    readonly registry: RegistryArgs;
    /** Our mirror objects as they are written. */
    readonly rules: pulumi.Output<readonly MirrorObject[]>;
    /** `clusterOwner` of the cluster. */
    readonly owner: string;
}

/** Declares what becomes of mirror objects that were there before ours, after everything else. */
export function declareOldRules(
    name: string,
    { cluster, stages, connection, registry, rules, owner }: OldRulesParts,
    opts: pulumi.CustomResourceOptions,
): ClusterOldRules {
    const { coverage, rollout, allowRemoval } = cluster;
    return new ClusterOldRules(
        name,
        {
            ...connection,
            ...registry,
            rules: rules.apply((objects) => JSON.stringify(objects)),
            stages: { ...stages },
            owner,
            check: coverage?.check ?? true,
            accept: [...(coverage?.accept ?? [])],
            allowRemoval,
            ...(rollout?.minutes === undefined ? {} : { minutes: rollout.minutes }),
        },
        opts,
    );
}
