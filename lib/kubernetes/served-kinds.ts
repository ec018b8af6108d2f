import type { ResourcePath } from "./cluster-client";
import { type Fields, isFields } from "./kubeconfig-document";
import { apiGroup, groupVersionPath } from "./resource-url";
import { type ClusterSession, type SessionRequest, isPathMissing } from "./session";

/**
 * Asks the API's discovery whether it serves a kind whose path it does not know: a 404 may be anybody's, and an API
 * extension that is down has its paths missing too.
 * @returns false only if discovery shows that it does not
 * @throws ClusterError `CLUSTER_RESPONSE_UNKNOWN` if it cannot be found out
 */
export async function isServed(session: ClusterSession, { apiVersion, resource }: ResourcePath): Promise<boolean> {
    const [name] = resource.split("/");
    const version = await discover(session, groupVersionPath(apiVersion), "APIResourceList");
    if (version !== undefined) return listed(version["resources"]).some((found) => found["name"] === name);
    if (apiGroup(apiVersion) === "") throw session.unknown(discovery("/api/v1"), "404 for what every API server has");
    // Every API server has groups; if this one is not among them, its kinds are not served.
    const groups = await discover(session, "/apis", "APIGroupList");
    const request = discovery("/apis");
    if (groups === undefined)
        throw session.unknown(request, "404 for the list of API groups, which every API server has");
    const group = listed(groups["groups"]).find((found) => found["name"] === apiGroup(apiVersion));
    const versions = listed(group?.["versions"]).map((found) => found["groupVersion"]);
    if (!versions.includes(apiVersion)) return false;
    throw session.unknown(request, `${apiVersion} is among the API groups, but its kinds cannot be listed`);
}

async function discover(session: ClusterSession, path: string, kind: string): Promise<Fields | undefined> {
    const request = discovery(path);
    const response = await session.send(request);
    if (isPathMissing(response)) return undefined;
    const body = session.object(request, response);
    if (body["kind"] === kind) return body;
    throw session.unknown(request, `the response is no ${kind}`);
}

function discovery(path: string): SessionRequest {
    return { method: "GET", path, operation: `GET ${path}`, repeatable: "always" };
}

function listed(value: unknown): Fields[] {
    return Array.isArray(value) ? value.filter(isFields) : [];
}
