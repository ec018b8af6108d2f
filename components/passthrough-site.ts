import * as pulumi from "@pulumi/pulumi";
import type { LoadedSite, SecretAdmin, SecretCredentials } from "../config";
import { type Site, allImages, allMarks } from "../lib/site";
import { MirrorValidation } from "../dynamic-providers/mirror-validation/resource";
import { RegistryAccess } from "../dynamic-providers/registry-access/resource";
import type { RetiredRobot } from "../dynamic-providers/robot-account/kind";
import { validUntil } from "../dynamic-providers/robot-account/generations";
import { RegistrySuperuser } from "../dynamic-providers/registry-superuser/resource";
import { formatImages } from "../lib/import/image-list";
import type { ImageMark } from "../lib/mirror/image-set";
import { markNotes } from "../lib/mirror/image-marks";
import { formatReference, parseSourceKey } from "../lib/oci/reference";
import { mirrorReference } from "../lib/mirror/mirror-reference";
import { ImageContent } from "./image-content";
import { clusterObjects } from "./cluster-objects";
import { mirrorPolicy } from "./mirror-policy";
import { RepositoryStructure } from "./repository-structure";

/** Where an image is at the mirror, and its digest there and, unless it is marked, upstream. */
export interface MirroredImage {
    readonly mirror: string;
    readonly digest: string;
    readonly mark?: ImageMark;
}

/** A robot account, as the outputs tell it: nothing secret. */
export interface RobotSummary {
    readonly username: string;
    /** RFC 3339; absent if it never ends by itself. */
    readonly expiresAt?: string;
    /** Earlier accounts that are still valid, for clusters that have one of them in their pull secret. */
    readonly retired?: readonly { readonly username: string; readonly validUntil: string }[];
}

type Robots = Partial<Record<"importer" | "puller", RobotSummary>>;

/** The accounts that images are pushed and pulled with, and what must be there before they are used. */
interface Accounts {
    readonly importer: SecretCredentials;
    readonly puller: SecretCredentials;
    readonly ready: pulumi.Resource;
    readonly robots: pulumi.Output<Robots>;
}

/**
 * One site: its registry reached, its structure and robot accounts made, its content imported, its rules made and
 * proven, in the order that keeps a cluster safe (registry, structure, robots, import with the importer's account,
 * validation with the puller's).
 */
export class PassthroughSite extends pulumi.ComponentResource {
    readonly mirrorBase: string;
    /** Source reference -> where it is. */
    readonly images: pulumi.Output<Record<string, MirroredImage>>;
    /** The mirror objects, YAML. */
    readonly mirrorRules: string;
    /** What a node makes of them. */
    readonly registriesConf: string;
    /** PEM of the registry's issuing CA; empty if a public one issued its certificate. */
    readonly registryCa: string;
    /** The account that clusters pull with, dockerconfigjson, secret. */
    readonly pullSecret: pulumi.Output<string>;
    /** The account that pushes, dockerconfigjson, secret: for jobs of the command line. */
    readonly pushSecret: pulumi.Output<string>;
    /** CatalogSources, ClusterCatalogs, signatures, update service, default catalogs off: YAML, "" for none. */
    readonly catalogSources: string;
    readonly clusterCatalogs: string;
    readonly releaseSignatures: string;
    readonly updateService: string;
    readonly operatorHub: string;
    readonly validation: MirrorValidation["summary"];
    /** Role -> robot account; empty where the registry has none. */
    readonly robots: pulumi.Output<Robots>;

    constructor(name: string, loaded: LoadedSite, opts?: pulumi.ComponentResourceOptions) {
        super("registry-passthrough:site:PassthroughSite", name, {}, opts);
        const { site } = loaded;
        const images = allImages(site.content);
        const marks = allMarks(site.content);
        const policy = mirrorPolicy(site, images, marks);
        const objects = clusterObjects(site);
        for (const note of [...policy.notes, ...markNotes(marks), ...objects.notes, ...supersededNotes(site)])
            void pulumi.log.info(note, this);

        const { importer, puller, ready, robots } =
            loaded.admin === undefined ? this.given(loaded) : this.made(loaded, Object.keys(images));
        const pushing = { registry: site.registry, credentials: importer, account: "importer" } as const;
        const pulling = { registry: site.registry, credentials: puller, account: "puller" } as const;
        const content = new ImageContent(
            "content",
            { ...pushing, content: site.content, concurrency: site.concurrency, onRemove: site.onRemove },
            { parent: this, dependsOn: [ready] },
        );
        const validation = new MirrorValidation(
            "validation",
            {
                ...pulling,
                images: formatImages(images),
                ...(Object.keys(marks).length === 0 ? {} : { marks }),
                registriesConf: policy.registriesConf,
                sparse: site.content.flatMap((set) => set.leftOut),
                wholeImages: site.wholeImages,
            },
            { parent: this, dependsOn: [content] },
        );

        this.mirrorBase = site.registry.mirrorBase;
        this.images = pulumi.output(mirroredImages(site, images, marks));
        this.mirrorRules = policy.mirrorRules;
        this.registriesConf = policy.registriesConf;
        this.registryCa = site.registry.ca ?? "";
        this.catalogSources = objects.catalogSources;
        this.clusterCatalogs = objects.clusterCatalogs;
        this.releaseSignatures = objects.releaseSignatures;
        this.updateService = objects.updateService;
        this.operatorHub = objects.operatorHub;
        this.pullSecret = dockerConfig(site, puller);
        this.pushSecret = dockerConfig(site, importer);
        this.validation = validation.summary;
        this.robots = robots;
        this.registerOutputs({ mirrorBase: this.mirrorBase });
    }

    /** A registry without robot accounts: both accounts come from the configuration. */
    private given({ site, importer, puller }: LoadedSite & { admin?: undefined }): Accounts {
        const access = { registry: site.registry, credentials: importer, account: "importer" } as const;
        const ready = new RegistryAccess("registry", access, { parent: this });
        return { importer, puller, ready, robots: pulumi.output<Robots>({}) };
    }

    /** A registry with robot accounts: the configured account makes them, and does nothing else. */
    private made(
        { site, admin: credentials, superuserPassword }: Extract<LoadedSite, { admin: SecretAdmin }>,
        images: readonly string[],
    ): Accounts {
        const admin = { registry: site.registry, credentials, account: "admin" } as const;
        const access = new RegistryAccess("registry", admin, { parent: this });
        if (superuserPassword !== undefined) {
            new RegistrySuperuser("superuser", { ...admin, superuserPassword }, { parent: this, dependsOn: [access] });
        }
        const structure = new RepositoryStructure(
            "structure",
            { ...admin, site, images, owner: access.instance },
            { parent: this, dependsOn: [access] },
        );
        const { importer, puller } = structure.robots;
        const robots = pulumi
            .all([importer.robot, puller.robot, puller.retiredRobots])
            .apply<Robots>(([push, pull, retired = []]) => ({
                importer: summaryOf(push),
                puller: { ...summaryOf(pull), ...retiredSummary(retired, site.robots.puller.overlap) },
            }));
        return { importer: importer.login, puller: puller.login, ready: structure, robots };
    }
}

function summaryOf({ username, expiresAt }: RobotSummary): RobotSummary {
    return { username, ...(expiresAt === undefined ? {} : { expiresAt }) };
}

function retiredSummary(retired: readonly RetiredRobot[], overlap: number): Pick<RobotSummary, "retired"> {
    if (retired.length === 0) return {};
    return {
        retired: retired.map((account) => ({
            username: account.robot.username,
            validUntil: validUntil(account, overlap).toISOString(),
        })),
    };
}

function mirroredImages(
    site: Site,
    images: Readonly<Record<string, string>>,
    marks: Readonly<Record<string, ImageMark>>,
): Record<string, MirroredImage> {
    const base = site.registry.mirror;
    return Object.fromEntries(
        Object.entries(images).map(([source, digest]) => {
            const mirror = mirrorReference(base, parseSourceKey(source));
            const mark = marks[source];
            return [source, { mirror: formatReference(mirror), digest, ...(mark === undefined ? {} : { mark }) }];
        }),
    );
}

function dockerConfig(site: Site, account: SecretCredentials): pulumi.Output<string> {
    const { host } = site.registry.mirror;
    return pulumi.secret(
        account.apply(({ username, password }) => {
            const auth = Buffer.from(`${username}:${password}`, "utf8").toString("base64");
            return JSON.stringify({ auths: { [host]: { auth } } });
        }),
    );
}

function supersededNotes(site: Site): string[] {
    return site.content
        .filter(({ superseded }) => superseded.length > 0)
        .map(
            ({ name, superseded }) =>
                `${name}: a later set moves ${superseded.length} tags (${superseded.slice(0, 5).join(", ")}` +
                `${superseded.length > 5 ? ", …" : ""}); the images of this set are kept by digest`,
        );
}
