import { mapLimited } from "../../concurrency/limiter";
import { toProblem } from "../../errors/errors";
import type { Problem } from "../../errors/problem";
import type { ClusterClient, KubernetesObject, ResourcePath } from "../../kubernetes/cluster-client";
import { IMAGE_KINDS } from "./image-kinds";
import { type NamedImage, namedImages } from "./named-images";
import { type OwnedObject, TopOwners } from "./top-owners";

/** What the objects of a cluster make it pull. */
export interface ClusterImages {
    readonly uses: readonly NamedImage[];
    /** Objects that were read. */
    readonly objects: number;
    /** The release that the cluster runs, for the image set. */
    readonly release: ClusterRelease | undefined;
    /** Kinds that could not be read, as without the right to; no image of them is in `uses`. */
    readonly problems: readonly Problem[];
    /** Kinds that the API does not serve. */
    readonly unserved: readonly string[];
}

/** The release of a cluster. */
export interface ClusterRelease {
    /** `4.18.20` */
    readonly version: string;
    /** `stable-4.18`; absent: the cluster has none. */
    readonly channel?: string;
}

const CLUSTER_VERSIONS: ResourcePath = { apiVersion: "config.openshift.io/v1", resource: "clusterversions" };

/** Lists asked for at the same time. */
const CONCURRENCY = 4;

/**
 * Every image that objects of a cluster name: pods that run or will, templates of workloads, builds, ImageStreams,
 * catalogs, and the release. Each is named by its top owner: a pod by its Deployment, not by its ReplicaSet. What has
 * finished, and templates of earlier revisions, are left out: nothing pulls them again. A kind that cannot be read does
 * not hide the others.
 */
export async function readClusterImages(client: ClusterClient): Promise<ClusterImages> {
    const report: Unread = { problems: [], unserved: [] };
    const lists = await mapLimited([...IMAGE_KINDS], CONCURRENCY, async ({ kind, ...path }) => {
        const found = await readOrReport(report, path, () => client.list<OwnedObject>(path));
        return (found ?? []).map((object) => ({ ...object, kind }));
    });
    const objects = lists.flat();
    const owners = new TopOwners(objects);
    const uses = objects.filter((object) => !isOver(object)).flatMap((object) => imagesOf(object, owners));
    const version = await readOrReport(report, CLUSTER_VERSIONS, () =>
        client.get<ClusterVersionObject>(CLUSTER_VERSIONS, "version"),
    );
    return {
        uses: [...uses, ...(version === undefined ? [] : releaseImages(version))],
        objects: objects.length + (version === undefined ? 0 : 1),
        release: version === undefined ? undefined : currentRelease(version),
        problems: report.problems,
        unserved: report.unserved.sort(),
    };
}

/** Kinds that no images are known of. */
interface Unread {
    readonly problems: Problem[];
    readonly unserved: string[];
}

/** Missing rights, and an aggregated API (ImageStreams, builds) that is down while the cluster's own is not. */
const OF_ONE_KIND: readonly string[] = ["CLUSTER_FORBIDDEN", "CLUSTER_SERVER_ERROR", "CLUSTER_RESPONSE_UNKNOWN"];

/** A login that is rejected, or a cluster that is down, fails everything alike: it is no problem of one kind. */
async function readOrReport<T>(
    { problems, unserved }: Unread,
    { resource }: ResourcePath,
    read: () => Promise<T | undefined>,
): Promise<T | undefined> {
    try {
        const found = await read();
        if (found === undefined) unserved.push(resource);
        return found;
    } catch (error) {
        const problem = toProblem(error);
        if (problem.code === "CLUSTER_KIND_MISSING") {
            unserved.push(resource);
            return undefined;
        }
        if (!OF_ONE_KIND.includes(problem.code)) throw error;
        problems.push({ ...problem, thing: resource });
        return undefined;
    }
}

/** As far as it matters whether something will still be pulled for the object. */
interface Lifecycle extends OwnedObject {
    readonly status?: {
        readonly phase?: string;
        readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    };
}

/** Kinds whose objects are made for one revision or run of another object, which has the template. */
const REVISIONS: readonly string[] = ["ReplicaSet", "ReplicationController", "Job"];

function isOver(object: Lifecycle): boolean {
    const { kind, metadata, status } = object;
    if (kind === "Pod") return status?.phase === "Succeeded" || status?.phase === "Failed";
    if (!REVISIONS.includes(kind)) return false;
    const isFinished = status?.conditions?.some(
        ({ type, status: value }) => (type === "Complete" || type === "Failed") && value === "True",
    );
    return (
        (kind === "Job" && isFinished === true) || (metadata.ownerReferences ?? []).some(({ controller }) => controller)
    );
}

/** An ImageStream, as far as it names images (image.openshift.io/v1). */
interface ImageStream extends OwnedObject {
    readonly status?: {
        readonly tags?: readonly {
            readonly tag: string;
            readonly items?: readonly { readonly dockerImageReference?: string }[] | null;
        }[];
    };
}

function imagesOf(object: OwnedObject, owners: TopOwners): NamedImage[] {
    const owner = owners.nameOf(object);
    const { status: _, ...declared } = object as OwnedObject & { readonly status?: unknown };
    const named = namedImages(declared, owner);
    if (object.kind !== "ImageStream") return named;
    const images = [...named, ...importedImages(object, owner)];
    return isSample(object) ? images.map((image) => ({ ...image, isSample: true as const })) : images;
}

/** The samples operator labels what it creates: about a hundred ImageStreams that most clusters never use. */
function isSample({ metadata }: OwnedObject): boolean {
    return metadata.labels?.["samples.operator.openshift.io/managed"] === "true";
}

/** What the tags point to now; earlier items of a tag are history. */
function importedImages({ status }: ImageStream, owner: string): NamedImage[] {
    return (status?.tags ?? []).flatMap(({ tag, items }) => {
        const image = items?.[0]?.dockerImageReference ?? "";
        return image === "" ? [] : [{ image, owner: `${owner}, tag ${tag}` }];
    });
}

interface ClusterVersionObject extends KubernetesObject {
    readonly spec?: { readonly channel?: string; readonly desiredUpdate?: { readonly image?: string } | null };
    readonly status?: { readonly desired?: { readonly image?: string; readonly version?: string } };
}

function releaseImages({ spec, status }: ClusterVersionObject): NamedImage[] {
    const images = new Set([status?.desired?.image ?? "", spec?.desiredUpdate?.image ?? ""]);
    images.delete("");
    return [...images].map((image) => ({ image, owner: "ClusterVersion version" }));
}

function currentRelease({ spec, status }: ClusterVersionObject): ClusterRelease | undefined {
    const version = status?.desired?.version ?? "";
    if (version === "") return undefined;
    return { version, ...(spec?.channel === undefined || spec.channel === "" ? {} : { channel: spec.channel }) };
}
