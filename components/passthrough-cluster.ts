import * as pulumi from "@pulumi/pulumi";
import { ClusterAccess } from "../dynamic-providers/cluster-access/resource";
import { ClusterContactSource } from "../dynamic-providers/cluster-contact-source/resource";
import { ClusterCoverage } from "../dynamic-providers/cluster-coverage/resource";
import type { ClusterOldRules } from "../dynamic-providers/cluster-old-rules/resource";
import { ClusterProtection } from "../dynamic-providers/cluster-protection/resource";
import { ClusterRollout } from "../dynamic-providers/cluster-rollout/resource";
import { ClusterTrust } from "../dynamic-providers/cluster-trust/resource";
import type { RegistryArgs } from "../dynamic-providers/registry/registry-kind";
import type { Credentials } from "../lib/http/credentials";
import { parseMirrorBase } from "../lib/mirror/mirror-reference";
import {
    type ClusterObject,
    type MirrorObject,
    clusterOwner,
    expectedPins,
    forbidSources,
    listEntries,
    objectLabel,
} from "../lib/openshift";
import type { SignaturePolicy } from "../lib/signatures";
import { type ClusterDelivery, type Content, type SiteCluster, clusterDelivery, deliveredObjects } from "../lib/site";
import { neverSources, waitingSources } from "./cluster-never-sources";
import { type ObjectIdentity, declareObject, objectState } from "./cluster-object";
import { declareOldRules } from "./cluster-old-rules";
import { declarePinnedImages } from "./cluster-pinned-images";
import { declareProof } from "./cluster-proof";
import { declareClusterProvider } from "./cluster-provider";
import { declareSignatures } from "./cluster-signatures";
import { STOCK_SITE } from "./site-outputs";

export interface PassthroughClusterArgs {
    /** Name of the site that the cluster is of. */
    readonly site: string;
    readonly cluster: SiteCluster;
    /** Secret: text of a kubeconfig that names no files. */
    readonly kubeconfig: pulumi.Input<string>;
    /** Which objects there are: known before the program runs. */
    readonly shape: ClusterDelivery;
    /** What they hold. */
    readonly delivery: pulumi.Output<ClusterDelivery>;
    /** The registry, and the account that nodes pull with. */
    readonly registry: RegistryArgs;
    /** Secret: the account that pushes. */
    readonly importer: pulumi.Output<Credentials>;
    /** The image sets of the site. */
    readonly content: readonly Content[];
    /** Who must have signed images; absent: nobody. */
    readonly signatures?: readonly SignaturePolicy[] | undefined;
    /** The proof that the registry has all content, with the account of the nodes: nothing is written to the cluster before. */
    readonly proven: pulumi.Resource;
}

/**
 * One cluster: its API checked, the registry's CA and the nodes' account on every node, then the mirror rules, then
 * catalogs, release signatures and update service; then the rules on every node, and last the signature policies.
 */
export class PassthroughCluster extends pulumi.ComponentResource {
    /** The account on every node. */
    readonly trust: ClusterTrust;
    /** Mirror objects that were there before; undefined if the site names none. */
    readonly oldRules: ClusterOldRules | undefined;

    constructor(name: string, args: PassthroughClusterArgs, opts?: pulumi.ComponentResourceOptions) {
        super("registry-passthrough:cluster:PassthroughCluster", name, {}, opts);
        const { cluster, shape, delivery, proven, site } = args;
        const { leaveOut = [] } = cluster.apply ?? {};
        const stack = `${pulumi.getProject()}/${pulumi.getStack()}`;
        const owner = clusterOwner(stack, cluster.name, site === STOCK_SITE ? undefined : site);
        const others = deliveredObjects(shape, leaveOut);
        const { pinnedImageSets: pinned } = shape.objects;
        const connection = clusterConnection(args);
        const access = new ClusterAccess(
            `${name}-access`,
            {
                ...connection,
                rules: delivery.apply((all) => JSON.stringify(all.mirrorRules)),
                objects: [...shape.mirrorRules, ...others, ...pinned].map(identify),
                owner,
                adopt: cluster.adopt,
                allowRemoval: cluster.allowRemoval,
                ...(cluster.oldRules === undefined ? {} : { oldRules: cluster.oldRules }),
                ...(pinned.length === 0 ? {} : { pinnedSets: expectedPins(pinned) }),
            },
            { parent: this, dependsOn: [proven] },
        );
        const coverage = this.declareCoverage(name, args, access);
        const trust = new ClusterTrust(
            `${name}-trust`,
            {
                ...connection,
                ...args.registry,
                ...(cluster.adopt ? { adopt: true as const } : {}),
                ...waitMinutes(cluster),
            },
            { parent: this, dependsOn: [access] },
        );
        this.trust = trust;
        const provider = declareClusterProvider(`${name}-api`, name, args, { parent: this });
        const declare = (
            kind: string,
            object: ClusterObject,
            value: pulumi.Output<ClusterObject>,
            after: pulumi.Resource[],
        ) => declareObject(`${name}-${kind}`, object, value, owner, { parent: this, provider, dependsOn: after });
        const written = pulumi
            .all([delivery, neverSources(access, coverage)])
            .apply(([all, never]) => forbidSources(all.mirrorRules, new Set(never ?? [])));
        const rules = shape.mirrorRules.map((rule) =>
            declare(
                RULE_NAMES[rule.kind],
                rule,
                written.apply((all) => find(all, rule)),
                [trust],
            ),
        );
        const objects = others.map((object) => {
            const value = delivery.apply((all) => find(deliveredObjects(all, leaveOut), object));
            return declare(objectName(object), object, value, [trust, ...rules]);
        });
        const protection = new ClusterProtection(
            `${name}-protection`,
            {
                cluster: cluster.name,
                sources: delivery.apply((all) => ruleSources(all.mirrorRules)),
                host: pulumi.output(args.registry.registry.mirrorBase).apply((base) => parseMirrorBase(base).host),
                allowRemoval: cluster.allowRemoval,
            },
            { parent: this, dependsOn: [trust, ...rules, ...objects] },
        );
        const forbidLater = pulumi
            .all([delivery, written, coverage?.refused])
            .apply(([all, now, refused]) => waitingSources(all.mirrorRules, now, refused));
        const rollout = new ClusterRollout(
            `${name}-rollout`,
            {
                ...connection,
                rules: written.apply((all) => JSON.stringify(all)),
                written: pulumi.all(shape.mirrorRules.map((rule, i) => objectState(objectLabel(rule), rules[i]))),
                // Where nodes are filled after it, that says what comes later.
                forbidLater: pinned.length === 0 ? forbidLater : [],
                wait: cluster.rollout?.wait ?? true,
                ...waitMinutes(cluster),
            },
            // All that an `up` writes is written, and protected, before it waits for hours, or fails because it waits.
            { parent: this, dependsOn: [trust, ...rules, ...objects, protection] },
        );
        if (pinned.length > 0) {
            // Nodes pull through the rules.
            const sets = pinned.map((set) => declare(objectName(set), set, pulumi.output(set), [rollout]));
            const wait = { wait: cluster.rollout?.wait ?? true, ...waitMinutes(cluster) };
            const parts = { ...connection, ...wait, pinned, sets, forbidLater, content: args.content };
            declarePinnedImages(`${name}-pinned-images`, parts, { parent: this, dependsOn: sets });
        }
        let last: pulumi.Resource = rollout;
        if (cluster.proof !== undefined) {
            const never = neverSources(access, coverage);
            const parts = { ...args, connection, rules: cluster.proof, owner, neverSources: never };
            last = declareProof(`${name}-proof`, parts, { parent: this, dependsOn: [rollout] });
        }
        if (cluster.signaturePolicies === true) {
            const parts = { ...args, connection, owner, adopt: cluster.adopt, ...waitMinutes(cluster) };
            declareSignatures(`${name}-signatures`, parts, { parent: this, dependsOn: [...objects, last] });
        }
        if (cluster.oldRules !== undefined) {
            const parts = {
                cluster,
                stages: cluster.oldRules,
                connection,
                registry: args.registry,
                rules: written,
                owner,
            };
            // Nothing that nodes pull with goes before ours is there, and proven.
            const dependsOn = [...objects, protection, last];
            this.oldRules = declareOldRules(`${name}-old-rules`, parts, { parent: this, dependsOn });
        }
        if (coverage !== undefined && cluster.contactSource === "never") {
            const refused = coverage.refused.apply((sources) => sources ?? []);
            new ClusterContactSource(
                `${name}-contact-source`,
                { cluster: cluster.name, refused },
                { parent: this, dependsOn: [...rules, ...objects, rollout] },
            );
        }
        this.registerOutputs({});
    }

    /** Absent if the site leaves it out. */
    private declareCoverage(
        name: string,
        args: PassthroughClusterArgs,
        access: ClusterAccess,
    ): ClusterCoverage | undefined {
        const { cluster, delivery, registry, proven } = args;
        if (cluster.coverage?.check === false) return undefined;
        return new ClusterCoverage(
            `${name}-coverage`,
            {
                ...clusterConnection(args),
                ...registry,
                rules: delivery.apply((all) => JSON.stringify(all.mirrorRules)),
                candidates: access.neverSources as pulumi.Output<string[]>,
                accept: [...(cluster.coverage?.accept ?? [])],
            },
            { parent: this, dependsOn: [access, proven] },
        );
    }
}

function waitMinutes({ rollout }: SiteCluster): { readonly minutes?: number } {
    return rollout?.minutes === undefined ? {} : { minutes: rollout.minutes };
}

/** Stands for a mirror that the program still has to create: which objects there are does not depend on it. */
const ANY_MIRROR = "registry.invalid/mirror";

/** Which objects a cluster gets, as far as they are known before the program runs: kinds and names. */
export function clusterShape({
    content,
    cluster,
    registry: { registry },
}: Pick<PassthroughClusterArgs, "cluster" | "registry"> & { readonly content: readonly Content[] }): ClusterDelivery {
    const base = typeof registry.mirrorBase === "string" ? registry.mirrorBase : ANY_MIRROR;
    return clusterDelivery({ content, cluster }, parseMirrorBase(base));
}

/** What the rows of the mirror objects are called. */
const RULE_NAMES: Readonly<Record<MirrorObject["kind"], string>> = {
    ImageDigestMirrorSet: "digest-rules",
    ImageTagMirrorSet: "tag-rules",
    ImageContentSourcePolicy: "rules",
};

function clusterConnection({ cluster, kubeconfig }: PassthroughClusterArgs) {
    return {
        cluster: cluster.name,
        kubeconfig: pulumi.secret(kubeconfig),
        ...(cluster.apply?.context === undefined ? {} : { context: cluster.apply?.context }),
        ...(cluster.version === undefined ? {} : { version: cluster.version }),
    };
}

function objectName({ kind, metadata: { name } }: ClusterObject): string {
    return `${kind}-${name}`;
}

function identify({ apiVersion, kind, metadata }: ClusterObject): ObjectIdentity {
    const { name } = metadata;
    return { apiVersion, kind, metadata: "namespace" in metadata ? { name, namespace: metadata.namespace } : { name } };
}

/** The object of this kind and name, as it is known now. */
function find<T extends ClusterObject>(objects: readonly T[], { kind, metadata }: ClusterObject): T {
    const found = objects.find((object) => object.kind === kind && object.metadata.name === metadata.name);
    if (found === undefined) throw new Error(`${kind} ${metadata.name} is not among the objects of the cluster`);
    return found;
}

function ruleSources(objects: readonly MirrorObject[]): string[] {
    return [...new Set(objects.flatMap(listEntries).map(({ source }) => source))].sort();
}
