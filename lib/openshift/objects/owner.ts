/** On every object that is written to a cluster: which stack wrote it, and for which of its clusters. */
export const OWNER_ANNOTATION = "registry-passthrough/stack";

/** Whose objects are looked for in a cluster. */
export interface ClusterOwner {
    /** `clusterOwner` of the cluster. */
    readonly owner: string;
    /** What objects may still carry, because the cluster had another name in the configuration before. */
    readonly formerOwners?: readonly string[] | undefined;
}

/** An object as a cluster has it, as far as its owner is concerned. */
export interface AnnotatedObject {
    readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
}

/**
 * What is written to an object as its owner: the stack for `site.cluster`, the stack and the name for one of
 * `site.clusters`. So two clusters of one stack that are the same API server do not take each other's objects for theirs.
 * Where a program has sites of its own, each of them is an owner: `<project>/<stack>:<site>`, since no name of a stack has
 * a colon. Pulumi's organization is no part of it: a backend of one's own has none.
 * @param stack `<project>/<stack>`
 * @param cluster the name in `site.clusters`; empty: that of `site.cluster`
 * @param site name of the component; absent: the only one, of this project's program
 */
export function clusterOwner(stack: string, cluster: string, site?: string): string {
    const owner = site === undefined ? stack : `${stack}:${encodeURIComponent(site)}`;
    return cluster === "" ? owner : `${owner}/${cluster}`;
}

/** The owner that an object carries; undefined: none of this program's. */
export function objectOwner({ metadata }: AnnotatedObject): string | undefined {
    return metadata.annotations?.[OWNER_ANNOTATION];
}

/** True if this stack wrote the object for this cluster, under the name that it has or had in the configuration. */
export function isOwnObject(object: AnnotatedObject, { owner, formerOwners = [] }: ClusterOwner): boolean {
    const found = objectOwner(object);
    return found !== undefined && [owner, ...formerOwners].includes(found);
}

/** The name of the cluster of the same site that an object was written for, if it is another one. */
export function otherCluster(object: AnnotatedObject, wanted: ClusterOwner): string | undefined {
    const found = objectOwner(object);
    const site = siteName(wanted.owner);
    if (found === undefined || isOwnObject(object, wanted) || siteName(found) !== site) return undefined;
    return found === site ? "site.cluster" : found.slice(site.length + 1);
}

/** True if both are of one stack, of whichever of its sites. */
export function isSameStack(one: string, other: string): boolean {
    return stackName(one) === stackName(other);
}

/** `<project>/<stack>` or `<project>/<stack>:<site>`: no part contains a slash. */
function siteName(owner: string): string {
    return owner.split("/", 2).join("/");
}

function stackName(owner: string): string {
    return siteName(owner).split(":", 1).join();
}
