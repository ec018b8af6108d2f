import type * as pulumi from "@pulumi/pulumi";
import type { clusterArgs } from "../dynamic-providers/cluster/cluster-kind";
import { ClusterSignatures } from "../dynamic-providers/cluster-signatures/resource";
import type { ResourceArgs } from "../dynamic-providers/lifecycle/dynamic-resource";
import type { RegistryArgs } from "../dynamic-providers/registry/registry-kind";
import { formatImages } from "../lib/import/image-list";
import { writtenPolicies } from "../lib/openshift";
import { coveredImages } from "../lib/passthrough";
import { type ClusterDelivery, type Content, allImages, allMarks, signatureRules } from "../lib/site";
import { type SignaturePolicy, formatSignatureRules } from "../lib/signatures";

interface ClusterSignaturesParts {
    readonly connection: ResourceArgs<typeof clusterArgs>;
    /** With the account that clusters pull with. */
    readonly registry: RegistryArgs;
    readonly content: readonly Content[];
    readonly delivery: pulumi.Output<ClusterDelivery>;
    readonly signatures?: readonly SignaturePolicy[] | undefined;
    /** `clusterOwner` of the cluster. */
    readonly owner: string;
    readonly adopt: boolean;
    readonly minutes?: number;
}

/** Declares the signature policies of a cluster, after what they depend on: nothing that an `up` writes comes later. */
export function declareSignatures(
    name: string,
    parts: ClusterSignaturesParts,
    opts: pulumi.CustomResourceOptions,
): ClusterSignatures {
    const { connection, registry, content, delivery, signatures = [], owner, adopt, minutes } = parts;
    const policies = writtenPolicies(signatures);
    const rules = signatureRules(policies, content);
    const images = coveredImages(allImages(content), allMarks(content), rules);
    const marks = Object.entries(allMarks(content)).filter(([source]) => images[source] !== undefined);
    return new ClusterSignatures(
        name,
        {
            ...connection,
            ...registry,
            images: formatImages(images),
            ...(marks.length === 0 ? {} : { marks: Object.fromEntries(marks) }),
            registriesConf: delivery.apply(({ registriesConf }) => registriesConf),
            signatures: formatSignatureRules(rules),
            owner,
            adopt,
            ...(minutes === undefined ? {} : { minutes }),
        },
        opts,
    );
}
