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
 * @param stack `<project>/<stack>`
 * @param cluster the name in `site.clusters`; empty: that of `site.cluster`
 */
export function clusterOwner(stack: string, cluster: string): string {
    return cluster === "" ? stack : `${stack}/${cluster}`;
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

/** The name of the cluster of the same stack that an object was written for, if it is another one. */
export function otherCluster(object: AnnotatedObject, wanted: ClusterOwner): string | undefined {
    const found = objectOwner(object);
    const stack = stackName(wanted.owner);
    if (found === undefined || isOwnObject(object, wanted) || stackName(found) !== stack) return undefined;
    return found === stack ? "site.cluster" : found.slice(stack.length + 1);
}

/** True if both are of one stack. */
export function isSameStack(one: string, other: string): boolean {
    return stackName(one) === stackName(other);
}

/** `<project>/<stack>`: neither part contains a slash. */
function stackName(owner: string): string {
    return owner.split("/", 2).join("/");
}
