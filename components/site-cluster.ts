import { createRequire } from "node:module";
import * as pulumi from "@pulumi/pulumi";
import type { ClusterOldRules } from "../dynamic-providers/cluster-old-rules/resource";
import type { ValidationSummary } from "../dynamic-providers/mirror-validation/kind";
import { MirrorValidation } from "../dynamic-providers/mirror-validation/resource";
import type { RegistryArgs } from "../dynamic-providers/registry/registry-kind";
import type { Credentials } from "../lib/http/credentials";
import { formatImages } from "../lib/import/image-list";
import type { OnRemove } from "../lib/mirror/on-remove";
import { type MirrorObject, hasImagePolicies, parseClusterVersion, parseCopies, renderRoles } from "../lib/openshift";
import {
    type ClusterObjects,
    type Content,
    type NamedDelivery,
    SITE_DEFAULTS,
    type SiteCluster,
    allImages,
    allMarks,
    clusterConfiguration,
    clusterKey,
    signatureRules,
    importNamespaces,
} from "../lib/site";
import { type SignaturePolicy, formatSignatureRules } from "../lib/signatures";
import type { ResourcesByName } from "./account-users";
import { childName } from "./child-name";
import type * as clusterModule from "./passthrough-cluster";
import { STOCK_SITE } from "./site-outputs";

/** Not `import()`: resources are declared synchronously. */
const load = createRequire(__filename);

/** What one of a site's clusters gets. */
export interface ClusterOutputs {
    /** The objects that redirect its pulls to the mirror. */
    readonly mirrorRules: pulumi.Output<readonly MirrorObject[]>;
    /** What a node generates from them, TOML. */
    readonly registriesConf: pulumi.Output<string>;
    /** Catalogs, release signatures and update service. */
    readonly clusterObjects: pulumi.Output<Omit<ClusterObjects, "notes">>;
    /** Path -> content of the files for its `targets`, each below a folder named after its target. */
    readonly targetFiles: pulumi.Output<Readonly<Record<string, string>>>;
    /** Path -> content of the roles for its `roles`, below the folder `roles/`. */
    readonly roleFiles: Readonly<Record<string, string>>;
    /** Mirror objects that were there before ours; none if the site names none. */
    readonly oldRules: pulumi.Output<FormerRules>;
    /** The proof that every image can be pulled through its rules. */
    readonly validation: pulumi.Output<ValidationSummary>;
}

/** The mirror objects that `cluster.oldRules` names. */
export interface FormerRules {
    /** What creates them again, without what only the API server writes. */
    readonly copies: readonly MirrorObject[];
    /** Those that a run has removed: `ImageDigestMirrorSet/idms-operator-0`. */
    readonly removed: readonly string[];
}

interface SiteClusterArgs {
    /** Name of the site, whose child resources these are. */
    readonly site: string;
    readonly cluster: SiteCluster;
    /** Secret; absent: nothing is written to the cluster. */
    readonly kubeconfig?: pulumi.Input<string> | undefined;
    readonly content: readonly Content[];
    /** The registry, and the account that clusters pull with. */
    readonly registry: RegistryArgs;
    /** Secret: the account that pushes. */
    readonly importer: pulumi.Output<Credentials>;
    readonly wholeImages?: pulumi.Input<number> | undefined;
    readonly onRemove?: OnRemove | undefined;
    /** Who must have signed images; absent: nobody. */
    readonly signatures?: readonly SignaturePolicy[] | undefined;
    /** Where the program runs the registry; absent: it runs none. */
    readonly registryNamespace?: string | undefined;
}

/** What the site has for the cluster. */
interface ClusterValues {
    readonly delivery: pulumi.Output<NamedDelivery>;
    readonly targetFiles: ClusterOutputs["targetFiles"];
}

interface DeclaredCluster {
    readonly name: string;
    readonly outputs: ClusterOutputs;
    /** What logs in with the account that the cluster pulls with. */
    readonly users: ResourcesByName;
}

/**
 * Proves that a cluster can pull every image through its rules, then writes to the cluster what the site has for it, if it
 * is to be written to.
 * @throws pulumi.RunError if it is, and no kubeconfig is given
 */
export function declareCluster(
    args: SiteClusterArgs,
    { delivery, targetFiles }: ClusterValues,
    opts: pulumi.ComponentResourceOptions,
): DeclaredCluster {
    const { site, cluster, content, registry, importer } = args;
    const child = (text: string) => childName(site, STOCK_SITE, cluster.name === "" ? text : `${text}-${cluster.name}`);
    const validation = declareValidation(child("validation"), args, delivery, opts);
    const users: ResourcesByName[number][] = [[child("validation"), validation]];
    let oldRules: ClusterOldRules | undefined;
    if (cluster.apply !== undefined) {
        const { kubeconfig } = args;
        if (kubeconfig === undefined)
            throw new pulumi.RunError(`site ${site}: ${clusterKey(cluster)} needs a kubeconfig`);
        // Loaded by sites that need it: it has Pulumi's Kubernetes SDK.
        const { PassthroughCluster, clusterShape } = load("./passthrough-cluster") as typeof clusterModule;
        const shape = clusterShape({ content, cluster, registry });
        const proven = validation;
        const parent = opts.parent ? { parent: opts.parent } : {};
        const { signatures } = args;
        const values = { site, cluster, kubeconfig, shape, delivery, registry, importer, content, signatures, proven };
        const written = new PassthroughCluster(child("cluster"), values, parent);
        users.push([`${child("cluster")}-trust`, written.trust]);
        oldRules = written.oldRules;
    }
    const outputs = {
        mirrorRules: delivery.apply(({ mirrorRules }) => mirrorRules),
        registriesConf: delivery.apply(({ registriesConf }) => registriesConf),
        clusterObjects: delivery.apply(({ objects }) => objects),
        targetFiles,
        roleFiles: renderRoles(cluster.roles ?? [], cluster.version, {
            proof: cluster.proof?.namespace,
            registry: args.registryNamespace,
            imports: importNamespaces(content, cluster.name),
        }),
        oldRules: formerRules(oldRules),
        validation: validation.summary,
    };
    return { name: cluster.name, outputs, users };
}

function formerRules(declared: ClusterOldRules | undefined): pulumi.Output<FormerRules> {
    return pulumi
        .all([declared?.copies, declared?.removed])
        .apply(([copies, removed = []]) => ({ copies: Object.values(parseCopies(copies)), removed }));
}

function declareValidation(
    name: string,
    args: SiteClusterArgs,
    delivery: pulumi.Output<NamedDelivery>,
    opts: pulumi.ComponentResourceOptions,
): MirrorValidation {
    const { content, registry, wholeImages = SITE_DEFAULTS.wholeImages, onRemove } = args;
    const [marks, rules] = [allMarks(content), requiredSignatures(args)];
    return new MirrorValidation(
        name,
        {
            ...registry,
            images: formatImages(allImages(content)),
            ...(Object.keys(marks).length === 0 ? {} : { marks }),
            registriesConf: delivery.apply(({ registriesConf }) => registriesConf),
            clusterVersion: delivery.apply(({ version }) => version),
            clusterObjects: delivery.apply((all) => clusterConfiguration(all).objects),
            sparse: content.flatMap((set) => set.leftOut),
            wholeImages,
            ...(rules === undefined ? {} : { signatures: rules }),
            ...(onRemove === "delete" ? { onRemove } : {}),
        },
        opts,
    );
}

/** What the nodes of the cluster require; undefined if they know no policies, or the site has none. */
function requiredSignatures({ cluster: { version }, content, signatures = [] }: SiteClusterArgs): string | undefined {
    const hasPolicies = hasImagePolicies(version === undefined ? undefined : parseClusterVersion(version));
    if (signatures.length === 0 || !hasPolicies) return undefined;
    return formatSignatureRules(signatureRules(signatures, content));
}
