import * as pulumi from "@pulumi/pulumi";
import { followsPreview } from "../dynamic-providers/lifecycle/preceding-preview";
import { ignoredProxyNote } from "../lib/distribution/http/proxy-settings";
import { counted, oneLine } from "../lib/errors/text";
import { hostName } from "../lib/http/hostname";
import { parseMirrorBase } from "../lib/mirror/mirror-reference";
import type { FilesMachineConfig } from "../lib/openshift";
import {
    type NamedDelivery,
    SITE_DEFAULTS,
    accessFiles,
    allImages,
    allMarks,
    clusterDeliveries,
    deliveryNotes,
    deployedNamespace,
    perCluster,
    targetFiles,
} from "../lib/site";
import { childName } from "./child-name";
import { declareDeployedRegistry } from "./deployed-registry";
import { declareInstalledRegistry } from "./installed-registry";
import { ImageContent } from "./image-content";
import { importPlaceArgs } from "./import-place";
import { type RegistryCertificate, declareRegistryCertificate, trustedCas } from "./registry-certificate";
import { connectionArgs, siteAccounts } from "./site-accounts";
import type { PassthroughSiteArgs } from "./site-args";
import { type ClusterOutputs, declareCluster } from "./site-cluster";
import {
    type MirroredImage,
    type RobotSummaries,
    STOCK_SITE,
    clientCertificate,
    dockerConfig,
    mirroredImages,
    nodeCertificates,
} from "./site-outputs";

/**
 * One site: its registry checked, its structure and robot accounts created, its content imported, its mirror rules made and
 * proven, in the order that keeps a cluster safe (registry, structure, robots, import with the importer's account,
 * validation with the puller's). The objects for clusters are outputs; those of clusters with `apply` are written, too.
 */
export class PassthroughSite extends pulumi.ComponentResource {
    /** `host[:port]/path` */
    readonly mirrorBase: pulumi.Output<string>;
    /** Source reference -> where it is. */
    readonly images: pulumi.Output<Record<string, MirroredImage>>;
    /** By the name of the cluster; that of `site.cluster` is "". */
    readonly clusters: Readonly<Record<string, ClusterOutputs>>;
    /** PEM of the registry's issuing CA; empty if a public one issued its certificate. */
    readonly registryCa: pulumi.Output<string>;
    /** What the registry is to show, with its private key; absent: it is no part of the site. */
    readonly certificate: RegistryCertificate | undefined;
    /** PEM of the client certificate that the registry asks for; absent: none is configured. */
    readonly clientCertificate: pulumi.Output<string> | undefined;
    /** MachineConfigs that give nodes that certificate and its private key, secret; absent: none is configured. */
    readonly clientMachineConfigs: pulumi.Output<readonly FilesMachineConfig[]> | undefined;
    /** Path -> content of the files for firewalls, below the folder `access/`; none without `networkAccess`. */
    readonly accessFiles: pulumi.Output<Readonly<Record<string, string>>>;
    /** The account that clusters pull with, dockerconfigjson, secret. */
    readonly pullSecret: pulumi.Output<string>;
    /** The account that pushes, dockerconfigjson, secret: for jobs of the command line. */
    readonly pushSecret: pulumi.Output<string>;
    /** Role -> robot account; empty where the registry has none. */
    readonly robots: pulumi.Output<RobotSummaries>;

    constructor(name: string, args: PassthroughSiteArgs, opts?: pulumi.ComponentResourceOptions) {
        super("registry-passthrough:site:PassthroughSite", name, {}, opts);
        const { content, clusters = SITE_DEFAULTS.clusters } = args;
        const { upstreams, networkAccess, signatures } = args;
        const site = { content, clusters, upstreams, networkAccess, signatures };
        const given = { retrySeconds: SITE_DEFAULTS.retrySeconds, ...args.registry };
        const certificate = declareRegistryCertificate(name, { ...args, registry: given }, this, {
            isDeployed: args.deployment !== undefined || args.installation !== undefined,
            keepsHosts: args.deployment !== undefined,
            hosts: pulumi.output(given.pushHost).apply((host) => (host === undefined ? [] : [hostName(host)])),
        });
        // Otherwise the CAs are those of the configuration, which are known in every preview.
        const hasSiteCa = certificate !== undefined && args.certificate?.siteCa !== undefined;
        const registry = hasSiteCa ? { ...given, ca: trustedCas(certificate) } : given;
        const connection = connectionArgs({ ...args, registry });
        const images = allImages(content);
        const marks = allMarks(content);
        this.mirrorBase = pulumi.output(registry.mirrorBase);
        const mirror = this.mirrorBase.apply(parseMirrorBase);
        const deliveries = mirror.apply((base) => clusterDeliveries(site, base));
        const targets = pulumi
            .all([mirror, registry.ca, registry.plainHttp])
            .apply(([base, ca, plainHttp]) =>
                clusters.map((cluster) => targetFiles({ ...site, cluster }, { mirror: base, ca, plainHttp })),
            );
        const access = pulumi
            .all([mirror, registry.plainHttp])
            .apply(([base, plainHttp]) => accessFiles(site, { mirror: base, plainHttp }));
        pulumi.all([deliveries, targets, access]).apply(([ofClusters, ofTargets, ofAccess]) => {
            const notes = [...deliveryNotes(ofClusters), ...[...ofTargets, ofAccess].flatMap((found) => found.notes)];
            if (notes.length === 0 || followsPreview()) return;
            // As one message: without a terminal the engine prints its first line again at every step.
            const title = `${counted(notes.length, "note")} on the content and the mirror rules:`;
            void pulumi.log.info([title, ...notes.map(oneLine)].join("\n    "), this);
        });

        if (registry.proxy === undefined) mirror.apply(({ host }) => this.noteIgnoredProxy(host));

        const { deployment, installation } = args;
        const deployed =
            (deployment && declareDeployedRegistry(name, { ...args, registry }, deployment, certificate, this)) ??
            (installation && declareInstalledRegistry(name, { ...args, registry }, installation, certificate, this));
        const { importer, puller, ready, robots, retire } = siteAccounts(
            name,
            { ...args, registry },
            Object.keys(images),
            this,
            deployed,
        );
        const imports = new ImageContent(
            childName(name, STOCK_SITE, "content"),
            {
                ...connection,
                credentials: importer,
                account: "importer",
                content,
                concurrency: args.concurrency ?? SITE_DEFAULTS.concurrency,
                onRemove: args.onRemove ?? SITE_DEFAULTS.onRemove,
                signatures: signatures ?? [],
                placeOf: (set) => importPlaceArgs(name, { clusters, kubeconfigs: args.kubeconfigs }, puller, set),
            },
            { parent: this, dependsOn: [ready] },
        );
        const declared = clusters.map((cluster, index) => {
            const registryArgs = { ...connection, credentials: puller, account: "puller" } as const;
            return declareCluster(
                {
                    site: name,
                    cluster,
                    kubeconfig: new Map(Object.entries(args.kubeconfigs ?? {})).get(cluster.name),
                    content,
                    registry: registryArgs,
                    importer,
                    wholeImages: args.wholeImages,
                    onRemove: args.onRemove,
                    signatures,
                    registryNamespace: deployedNamespace(args.deployment),
                },
                {
                    delivery: deliveries.apply((all) => all[index] as NamedDelivery),
                    targetFiles: targets.apply((all) => all[index]?.files ?? {}),
                },
                { parent: this, dependsOn: [imports] },
            );
        });
        retire?.(declared.flatMap(({ users }) => users));

        this.images = mirror.apply((base) => mirroredImages(base, images, marks));
        this.clusters = Object.fromEntries(declared.map((cluster) => [cluster.name, cluster.outputs]));
        this.registryCa = pulumi.output(registry.ca).apply((ca) => ca ?? "");
        this.certificate = certificate;
        this.clientCertificate = clientCertificate(connection);
        this.clientMachineConfigs = nodeCertificates(mirror, connection);
        this.accessFiles = access.apply(({ files }) => files);
        this.pullSecret = dockerConfig(mirror, registry, "puller", puller);
        this.pushSecret = dockerConfig(mirror, registry, "importer", importer);
        this.robots = robots;
        // Not all: every step of the engine rewrites the whole state, and images and rules may be large. Stack outputs and
        // the validation's inputs have them.
        const validation = perCluster(clusters, (cluster) => this.clusters[cluster.name]?.validation);
        this.registerOutputs({ mirrorBase: this.mirrorBase, robots, validation });
    }

    /**
     * What one of the clusters gets.
     * @param name "": that of `site.cluster`
     * @throws pulumi.RunError if the site does not have it
     */
    cluster(name = ""): ClusterOutputs {
        const found = this.clusters[name];
        if (found !== undefined) return found;
        const names = Object.keys(this.clusters).map((known) => JSON.stringify(known));
        throw new pulumi.RunError(`the site has no cluster ${JSON.stringify(name)}; it has: ${names.join(", ")}`);
    }

    private noteIgnoredProxy(host: string): void {
        const note = ignoredProxyNote(host);
        if (note !== undefined) void pulumi.log.info(note, this);
    }
}
