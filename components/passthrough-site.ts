import * as pulumi from "@pulumi/pulumi";
import type { ValidationSummary } from "../dynamic-providers/mirror-validation/kind";
import { followsPreview } from "../dynamic-providers/lifecycle/preceding-preview";
import { MirrorValidation } from "../dynamic-providers/mirror-validation/resource";
import { RegistryAccess } from "../dynamic-providers/registry-access/resource";
import { RegistrySuperuser } from "../dynamic-providers/registry-superuser/resource";
import type { RegistryArgs, RegistryConnectionArgs } from "../dynamic-providers/registry/registry-kind";
import type { Credentials } from "../lib/distribution/auth/credentials";
import { ignoredProxyNote } from "../lib/distribution/http/proxy-settings";
import { counted, oneLine } from "../lib/errors/text";
import { formatImages } from "../lib/import/image-list";
import { parseMirrorBase } from "../lib/mirror/mirror-reference";
import type { OnRemove } from "../lib/mirror/on-remove";
import { type FilesMachineConfig, type MirrorObject, type NetworkAccess, renderRoles } from "../lib/openshift";
import { type AdminCredentials, registryAdmin } from "../lib/registries";
import {
    type ClusterObjects,
    type ConnectionSecrets,
    type Content,
    type NamedDelivery,
    type SiteCluster,
    SITE_DEFAULTS,
    accessFiles,
    allImages,
    allMarks,
    clusterConfiguration,
    clusterDeliveries,
    clusterKey,
    deliveryNotes,
    perCluster,
    targetFiles,
} from "../lib/site";
import { childName } from "./child-name";
import { ImageContent } from "./image-content";
import { RepositoryStructure } from "./repository-structure";
import { PassthroughCluster, clusterShape } from "./passthrough-cluster";
import type { RobotLifetimes } from "./robot-access";
import {
    type MirroredImage,
    type RobotSummaries,
    clientCertificate,
    dockerConfig,
    mirroredImages,
    nodeCertificates,
    summarizeRobots,
} from "./site-outputs";

/** A site. What decides which resources there are is plain; everything else may be an output of the program. */
export interface PassthroughSiteArgs {
    /** The registry, which the same program may create. `retrySeconds` defaults to 60. */
    readonly registry: Omit<RegistryConnectionArgs, "retrySeconds"> & Partial<RegistryConnectionArgs>;
    /** Image sets in the order they were created, as `readSite` or `readContent` read them. */
    readonly content: readonly Content[];
    /** The clusters that pull; default: one of the newest version, that may pull from upstream what the mirror lacks. */
    readonly clusters?: readonly SiteCluster[] | undefined;
    /** Secret: by the name of a cluster that is written to, the text of its kubeconfig, which names no files. */
    readonly kubeconfigs?: Readonly<Record<string, pulumi.Input<string>>> | undefined;
    /** Who may reach the registry, for files for firewalls; default: no such files. */
    readonly networkAccess?: NetworkAccess | undefined;
    /** Hosts that content may come from; those without content are named in a note. */
    readonly upstreams?: readonly string[] | undefined;
    /** Secret: what connections to the registry need beside an account, as the key of a client certificate. */
    readonly connectionSecrets?: pulumi.Input<ConnectionSecrets> | undefined;
    /** Secret: pushes images. Required where the registry has no robot accounts. */
    readonly importer?: pulumi.Input<Credentials> | undefined;
    /** Secret: what clusters pull with, and what the validation uses. Default: `importer`. */
    readonly puller?: pulumi.Input<Credentials> | undefined;
    /** Secret: creates the robot accounts. Required where the registry has some. */
    readonly admin?: pulumi.Input<AdminCredentials> | undefined;
    /** Secret: registers the superuser's name that the registry (mirror-registry) leaves free. */
    readonly superuserPassword?: pulumi.Input<string> | undefined;
    /** Lifetimes of the robot accounts; default: 30 days, 90 days and an overlap of 7. */
    readonly robots?: RobotLifetimes | undefined;
    /** Whether a project or organization that already exists may be taken over; default: false. */
    readonly adopt?: pulumi.Input<boolean> | undefined;
    /** Storage quota of the project in bytes (Harbor); default: the registry's own. */
    readonly quota?: pulumi.Input<number> | undefined;
    /** What happens to images that no set lists any more; default: `keep`. */
    readonly onRemove?: OnRemove | undefined;
    /** Blobs uploaded at the same time; default: 6. */
    readonly concurrency?: pulumi.Input<number> | undefined;
    /** Images that each validation reads byte for byte; default: 3. */
    readonly wholeImages?: pulumi.Input<number> | undefined;
}

/** The accounts that images are pushed and pulled with, and what must exist before they are used. */
interface Accounts {
    readonly importer: pulumi.Output<Credentials>;
    readonly puller: pulumi.Output<Credentials>;
    readonly ready: pulumi.Resource;
    readonly robots: pulumi.Output<RobotSummaries>;
}

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
    /** The proof that every image can be pulled through its rules. */
    readonly validation: pulumi.Output<ValidationSummary>;
}

/** The name of the one site in this project's own program. */
const STOCK = "site";

/**
 * One site: its registry checked, its structure and robot accounts created, its content imported, its mirror rules made and
 * proven, in the order that keeps a cluster safe (registry, structure, robots, import with the importer's account,
 * validation with the puller's). The objects for clusters are outputs; applying them is left to the program.
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
        const site = { content, clusters, upstreams: args.upstreams, networkAccess: args.networkAccess };
        const registry = { retrySeconds: SITE_DEFAULTS.retrySeconds, ...args.registry };
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

        const { importer, puller, ready, robots } = registryAdmin(registry.type).capabilities.robotAccounts
            ? this.createAccounts(name, { ...args, registry }, Object.keys(images))
            : this.useAccounts(name, { ...args, registry });
        const imports = new ImageContent(
            childName(name, STOCK, "content"),
            {
                ...connection,
                credentials: importer,
                account: "importer",
                content,
                concurrency: args.concurrency ?? SITE_DEFAULTS.concurrency,
                onRemove: args.onRemove ?? SITE_DEFAULTS.onRemove,
            },
            { parent: this, dependsOn: [ready] },
        );
        const validate = (cluster: string, delivery: pulumi.Output<NamedDelivery>) =>
            new MirrorValidation(
                childName(name, STOCK, cluster === "" ? "validation" : `validation-${cluster}`),
                {
                    ...connection,
                    credentials: puller,
                    account: "puller",
                    images: formatImages(images),
                    ...(Object.keys(marks).length === 0 ? {} : { marks }),
                    registriesConf: delivery.apply(({ registriesConf }) => registriesConf),
                    clusterVersion: delivery.apply(({ version }) => version),
                    clusterObjects: delivery.apply((all) => clusterConfiguration(all).objects),
                    sparse: content.flatMap((set) => set.leftOut),
                    wholeImages: args.wholeImages ?? SITE_DEFAULTS.wholeImages,
                    ...(args.onRemove === "delete" ? { onRemove: args.onRemove } : {}),
                },
                { parent: this, dependsOn: [imports] },
            );
        const outputs = clusters.map((cluster, index): readonly [string, ClusterOutputs] => {
            const delivery = deliveries.apply((all) => all[index] as NamedDelivery);
            const validation = validate(cluster.name, delivery);
            const account = { credentials: puller, account: "puller" } as const;
            this.applyTo(name, cluster, args, { ...connection, ...account }, delivery, validation);
            return [
                cluster.name,
                {
                    mirrorRules: delivery.apply(({ mirrorRules }) => mirrorRules),
                    registriesConf: delivery.apply(({ registriesConf }) => registriesConf),
                    clusterObjects: delivery.apply(({ objects }) => objects),
                    targetFiles: targets.apply((all) => all[index]?.files ?? {}),
                    roleFiles: renderRoles(cluster.roles ?? [], cluster.version),
                    validation: validation.summary,
                },
            ];
        });

        this.images = mirror.apply((base) => mirroredImages(base, images, marks));
        this.clusters = Object.fromEntries(outputs);
        this.registryCa = pulumi.output(registry.ca).apply((ca) => ca ?? "");
        this.clientCertificate = clientCertificate(connection);
        this.clientMachineConfigs = nodeCertificates(mirror, connection);
        this.accessFiles = access.apply(({ files }) => files);
        this.pullSecret = dockerConfig(mirror, puller);
        this.pushSecret = dockerConfig(mirror, importer);
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

    /** Nothing for a cluster that is not written to. */
    private applyTo(
        name: string,
        cluster: SiteCluster,
        { content, kubeconfigs = {} }: PassthroughSiteArgs,
        registry: RegistryArgs,
        delivery: pulumi.Output<NamedDelivery>,
        proven: pulumi.Resource,
    ): void {
        if (cluster.apply === undefined) return;
        const kubeconfig = kubeconfigs[cluster.name];
        if (kubeconfig === undefined)
            throw new pulumi.RunError(`site ${name}: ${clusterKey(cluster)} needs a kubeconfig`);
        const child = childName(name, STOCK, cluster.name === "" ? "cluster" : `cluster-${cluster.name}`);
        const shape = clusterShape({ content, cluster, registry });
        new PassthroughCluster(child, { cluster, kubeconfig, shape, delivery, registry, proven }, { parent: this });
    }

    private noteIgnoredProxy(host: string): void {
        const note = ignoredProxyNote(host);
        if (note !== undefined) void pulumi.log.info(note, this);
    }

    /** A registry without robot accounts: both accounts are given. */
    private useAccounts(name: string, args: SiteWithRegistry): Accounts {
        const importer = requireAccount(name, args, "importer");
        const puller = args.puller === undefined ? importer : pulumi.secret(args.puller);
        const ready = new RegistryAccess(
            childName(name, STOCK, "registry"),
            { ...connectionArgs(args), credentials: importer, account: "importer" },
            { parent: this },
        );
        return { importer, puller, ready, robots: pulumi.output<RobotSummaries>({}) };
    }

    /** A registry with robot accounts: the given account creates them, and does nothing else. */
    private createAccounts(name: string, args: SiteWithRegistry, images: readonly string[]): Accounts {
        const credentials = requireAccount(name, args, "admin");
        const admin = { ...connectionArgs(args), credentials, account: "admin" } as const;
        const access = new RegistryAccess(childName(name, STOCK, "registry"), admin, { parent: this });
        const options = { parent: this, dependsOn: [access] };
        const { superuserPassword, quota, robots = SITE_DEFAULTS.robots } = args;
        if (superuserPassword !== undefined) {
            new RegistrySuperuser(childName(name, STOCK, "superuser"), { ...admin, superuserPassword }, options);
        }
        const structure = new RepositoryStructure(
            childName(name, STOCK, "structure"),
            {
                ...admin,
                images,
                owner: access.instance,
                robots,
                adopt: args.adopt ?? false,
                quota,
                onRemove: args.onRemove ?? SITE_DEFAULTS.onRemove,
            },
            options,
        );
        const { importer, puller } = structure.robots;
        const summaries = summarizeRobots(importer, puller, robots.puller.overlap);
        return { importer: importer.login, puller: puller.login, ready: structure, robots: summaries };
    }
}

/** How the resources of a site reach its registry. */
function connectionArgs({ registry, connectionSecrets }: SiteWithRegistry) {
    return { registry, ...(connectionSecrets === undefined ? {} : { connectionSecrets }) };
}

type SiteWithRegistry = PassthroughSiteArgs & { readonly registry: RegistryConnectionArgs };

function requireAccount<Role extends "importer" | "admin">(
    name: string,
    args: SiteWithRegistry,
    role: Role,
): pulumi.Output<Role extends "importer" ? Credentials : AdminCredentials> {
    const account = args[role];
    if (account !== undefined) return pulumi.secret(account) as never;
    const why = role === "admin" ? "it has robot accounts, which this account creates" : "it has no robot accounts";
    throw new pulumi.RunError(`site ${name}: a registry of type ${args.registry.type} needs ${role}: ${why}`);
}
