import * as pulumi from "@pulumi/pulumi";
import { Provider } from "@pulumi/kubernetes/provider";
import { ClusterAccess } from "../dynamic-providers/cluster-access/resource";
import { ClusterProtection } from "../dynamic-providers/cluster-protection/resource";
import { ClusterTrust } from "../dynamic-providers/cluster-trust/resource";
import type { Credentials } from "../lib/distribution/auth/credentials";
import { type ClusterObject, forbidSources, forbiddenSources } from "../lib/openshift";
import { type AppliedCluster, type ClusterDelivery, deliveredObjects } from "../lib/site";
import { declareObject } from "./cluster-object";

export interface SiteClusterArgs {
    readonly cluster: AppliedCluster;
    /** Secret. */
    readonly kubeconfig: pulumi.Input<string>;
    /** Which objects there are, known before the program runs. */
    readonly shape: ClusterDelivery;
    readonly delivery: pulumi.Output<ClusterDelivery>;
    /** Of the registry: `host[:port]`. */
    readonly host: pulumi.Input<string>;
    /** PEM of the registry's issuing CA; empty if a public one issued its certificate. */
    readonly ca: pulumi.Input<string>;
    /** Secret: what nodes pull with. */
    readonly puller: pulumi.Input<Credentials>;
    /** `<project>/<stack>`: written on every object. */
    readonly owner: string;
    /** The proof that the registry has all content, with the puller's account: nothing is written to the cluster before. */
    readonly proven: pulumi.Resource;
}

/**
 * One cluster: its API checked, the registry's CA and the puller's account on every node, then the mirror rules, then
 * catalogs, signatures and update service.
 */
export class SiteCluster extends pulumi.ComponentResource {
    /** As the cluster reports it. */
    readonly version: pulumi.Output<string>;

    constructor(name: string, args: SiteClusterArgs, opts?: pulumi.ComponentResourceOptions) {
        super("registry-passthrough:cluster:SiteCluster", name, {}, opts);
        const { cluster, delivery, owner } = args;
        const connection = {
            cluster: { name: cluster.name, ...(cluster.context === undefined ? {} : { context: cluster.context }) },
            kubeconfig: pulumi.secret(args.kubeconfig),
        };
        const rules = delivery.apply(({ mirrorRules }) => mirrorRules);
        const others = args.shape === undefined ? [] : deliveredObjects(args.shape, cluster.leaveOut);
        const access = new ClusterAccess(
            `${name}-access`,
            {
                ...connection,
                ...(cluster.version === undefined ? {} : { version: cluster.version }),
                rules: rules.apply((objects) => [...objects]),
                objects: [...args.shape.mirrorRules, ...others].map(identify),
                host: args.host,
                adopt: cluster.adopt,
                allowRemoval: cluster.allowRemoval,
                owner,
            },
            { parent: this, dependsOn: [args.proven] },
        );
        const trust = new ClusterTrust(
            `${name}-trust`,
            {
                ...connection,
                ...(cluster.version === undefined ? {} : { version: cluster.version }),
                host: args.host,
                ca: args.ca,
                puller: args.puller,
            },
            { parent: this, dependsOn: [access] },
        );
        const provider = new Provider(
            name,
            {
                kubeconfig: connection.kubeconfig,
                ...(cluster.context === undefined ? {} : { context: cluster.context }),
                clusterIdentifier: `${owner}/${name}`,
                enableConfigMapMutable: true,
                upsertExistingObjects: cluster.adopt,
                skipUpdateUnreachable: true,
                suppressDeprecationWarnings: true,
            },
            { parent: this },
        );
        const options = { parent: this, provider };
        const mirrorRules = args.shape.mirrorRules.map((rule) =>
            declareObject(
                `${name}-${RULE_NAMES[rule.kind]}`,
                rule,
                pulumi
                    .all([rules, access.neverSources])
                    .apply(([objects, never]) => pick(forbidSources(objects, new Set(never)), rule)),
                owner,
                { ...options, dependsOn: [trust] },
            ),
        );
        const objects = others.map((object) =>
            declareObject(
                `${name}-${object.kind}-${object.metadata.name}`,
                object,
                delivery.apply((all) => pick(deliveredObjects(all, cluster.leaveOut), object)),
                owner,
                { ...options, dependsOn: [trust, ...mirrorRules] },
            ),
        );
        new ClusterProtection(
            `${name}-protection`,
            {
                cluster: connection.cluster,
                sources: delivery.apply(({ sources }) => [...sources]),
                host: args.host,
                allowRemoval: cluster.allowRemoval,
            },
            { parent: this, dependsOn: [trust, ...mirrorRules, ...objects] },
        );
        this.version = access.version;
        this.registerOutputs({ version: this.version });
    }
}
