import * as pulumi from "@pulumi/pulumi";
import { type LoadedSite, type SecretCredentials, type Site, allImages, allMarks } from "../config";
import { MirrorValidation } from "../dynamic-providers/mirror-validation";
import { RegistryAccess } from "../dynamic-providers/registry-access";
import type { ImageMark } from "../lib/oci/content";
import { markNotes } from "../lib/oci/image-marks";
import { formatReference, parseSourceKey } from "../lib/oci/reference";
import { mirrorReference, parseMirrorBase } from "../lib/oci/mirror-reference";
import { ImageContent } from "./image-content";
import { mirrorPolicy } from "./mirror-policy";

/** Where an image is at the mirror, and its digest there and, unless it is marked, upstream. */
export interface MirroredImage {
    readonly mirror: string;
    readonly digest: string;
    readonly mark?: ImageMark;
}

/**
 * One site: its registry reached, its content imported, its rules made and proven, in the order that keeps a cluster
 * safe (registry, import, validation with the puller's account).
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
    /** dockerconfigjson, secret. */
    readonly pullSecret: pulumi.Output<string>;
    readonly validation: MirrorValidation["summary"];

    constructor(name: string, { site, importer, puller }: LoadedSite, opts?: pulumi.ComponentResourceOptions) {
        super("registry-passthrough:site:PassthroughSite", name, {}, opts);
        const images = allImages(site.content);
        const marks = allMarks(site.content);
        const policy = mirrorPolicy(site, images, marks);
        for (const note of [...policy.notes, ...markNotes(marks), ...supersededNotes(site)])
            void pulumi.log.info(note, this);

        const pushing = { registry: site.registry, credentials: importer, account: "importer" } as const;
        const pulling = { registry: site.registry, credentials: puller, account: "puller" } as const;
        const access = new RegistryAccess("registry", pushing, { parent: this });
        const content = new ImageContent(
            "content",
            { ...pushing, content: site.content, concurrency: site.concurrency },
            { parent: this, dependsOn: [access] },
        );
        const validation = new MirrorValidation(
            "validation",
            {
                ...pulling,
                images,
                ...(Object.keys(marks).length === 0 ? {} : { marks }),
                registriesConf: policy.registriesConf,
                sparse: site.content.flatMap(({ sparse }) => sparse),
                wholeImages: site.wholeImages,
            },
            { parent: this, dependsOn: [content] },
        );

        this.mirrorBase = site.registry.mirrorBase;
        this.images = pulumi.output(mirroredImages(site, images, marks));
        this.mirrorRules = policy.mirrorRules;
        this.registriesConf = policy.registriesConf;
        this.registryCa = site.registry.ca ?? "";
        this.pullSecret = pullSecret(site, puller);
        this.validation = validation.summary;
        this.registerOutputs({ mirrorBase: this.mirrorBase });
    }
}

function mirroredImages(
    site: Site,
    images: Readonly<Record<string, string>>,
    marks: Readonly<Record<string, ImageMark>>,
): Record<string, MirroredImage> {
    const base = parseMirrorBase(site.registry.mirrorBase);
    return Object.fromEntries(
        Object.entries(images).map(([source, digest]) => {
            const mirror = mirrorReference(base, parseSourceKey(source));
            const mark = marks[source];
            return [source, { mirror: formatReference(mirror), digest, ...(mark === undefined ? {} : { mark }) }];
        }),
    );
}

function pullSecret(site: Site, puller: SecretCredentials): pulumi.Output<string> {
    const { host } = parseMirrorBase(site.registry.mirrorBase);
    return pulumi.secret(
        puller.apply(({ username, password }) => {
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
