import { type Reference, formatReference, repositoryName } from "../../oci/reference";

/** A local update service (updateservice.operator.openshift.io/v1); namespaced. */
export interface UpdateService {
    readonly apiVersion: "updateservice.operator.openshift.io/v1";
    readonly kind: "UpdateService";
    readonly metadata: { readonly name: string; readonly namespace: "openshift-update-service" };
    readonly spec: {
        readonly replicas: number;
        /** A repository: every release in it is offered. */
        readonly releases: string;
        readonly graphDataImage: string;
    };
}

/**
 * The update service for a repository of releases. oc-mirror's name and replicas.
 * @param releases where they are at the mirror
 * @param graph the image of the update graph, by its digest: with its tag, a new image would not be noticed
 */
export function updateService(
    releases: Pick<Reference, "registry" | "repository">,
    graph: Reference & { readonly digest: string },
): UpdateService {
    const { registry, repository, digest } = graph;
    return {
        apiVersion: "updateservice.operator.openshift.io/v1",
        kind: "UpdateService",
        metadata: { name: "update-service-oc-mirror", namespace: "openshift-update-service" },
        spec: {
            replicas: 2,
            releases: repositoryName(releases),
            graphDataImage: formatReference({ registry, repository, digest }),
        },
    };
}
