import * as pulumi from "@pulumi/pulumi";
import type { clusterArgs } from "../dynamic-providers/cluster/cluster-kind";
import { ClusterProof } from "../dynamic-providers/cluster-proof/resource";
import type { ResourceArgs } from "../dynamic-providers/lifecycle/dynamic-resource";
import type { RegistryArgs } from "../dynamic-providers/registry/registry-kind";
import type { Credentials } from "../lib/http/credentials";
import { firstRepositories } from "../lib/passthrough";
import { registryAdmin } from "../lib/registries";
import { type ClusterDelivery, type Content, type SiteCluster, allImages, allMarks } from "../lib/site";

interface ClusterProofParts {
    readonly connection: ResourceArgs<typeof clusterArgs>;
    readonly rules: Required<SiteCluster>["proof"];
    /** With the account that clusters pull with. */
    readonly registry: RegistryArgs;
    readonly importer: pulumi.Output<Credentials>;
    readonly content: readonly Content[];
    readonly delivery: pulumi.Output<ClusterDelivery>;
    readonly neverSources: pulumi.Output<string[] | undefined>;
    /** `clusterOwner` of the cluster. */
    readonly owner: string;
}

/** Declares the proof that the nodes of a cluster pull through the mirror, after what it depends on. */
export function declareProof(name: string, parts: ClusterProofParts, opts: pulumi.CustomResourceOptions): ClusterProof {
    const { connection, rules, registry, importer, content, delivery, neverSources, owner } = parts;
    const { type } = registry.registry;
    const repositories = registryAdmin(type).capabilities.repositoriesFirst ? knownRepositories(content) : undefined;
    return new ClusterProof(
        name,
        {
            ...connection,
            ...registry,
            credentials: importer,
            account: "importer",
            puller: pulumi.secret(registry.credentials),
            registriesConf: delivery.apply(({ registriesConf }) => registriesConf),
            neverSources: neverSources as pulumi.Output<string[]>,
            owner,
            ...(rules.namespace === undefined ? {} : { namespace: rules.namespace }),
            ...(repositories === undefined ? {} : { repositories }),
            ...(rules.rerun === undefined ? {} : { rerun: rules.rerun }),
        },
        opts,
    );
}

/** Paths by upstream host; images that do not keep their upstream name are left out. */
function knownRepositories(content: readonly Content[]): Record<string, string> {
    const marks = allMarks(content);
    const sources = Object.keys(allImages(content)).filter((source) => marks[source] === undefined);
    return Object.fromEntries([...firstRepositories(sources)].map(([host, { repository }]) => [host, repository]));
}
