import type { Contents } from "../registry-contents";
import { type Call, type Reply, type Route, badRequest, forbidden, notFound, paged, precondition } from "./exchange";
import { visibleProject } from "./project-routes";

/** registry-apis.md §3: the repositories of a project, and their artifacts. Seen on Harbor 2.15.2. */
export function repositoryRoutes(contents: Contents): readonly Route[] {
    return [
        ["GET", /^\/projects\/([^/]+)\/repositories$/, (call) => listRepositories(call, contents)],
        ["DELETE", /^\/projects\/([^/]+)\/repositories\/([^/]+)$/, (call) => deleteRepository(call, contents)],
    ];
}

/** Repositories outlive their last artifact. */
function listRepositories(call: Call, contents: Contents): Reply {
    const project = visibleProject(call);
    if (!call.harbor.may(call.principal, project, "repository", "list")) throw forbidden();
    const repositories = contents.repositories(project.name).map((name, i) => ({
        ...{ id: i + 1, project_id: project.project_id, name },
        artifact_count: contents.manifests(name).length,
    }));
    return paged(call, repositories);
}

function deleteRepository(call: Call, contents: Contents): Reply {
    const project = visibleProject(call);
    if (!call.harbor.may(call.principal, project, "repository", "delete")) throw forbidden();
    const name = `${project.name}/${repositoryName(call.params[1] ?? "")}`;
    if (!contents.repositories(project.name).includes(name)) throw notFound(`repository ${name} not found`);
    const isImmutable = project.immutable.some(({ disabled }) => disabled !== true);
    if (isImmutable && contents.tags(name).length > 0) throw precondition(`${name} has immutable tags`);
    contents.remove(name);
    return { status: 200 };
}

/** Encoded twice: nginx in front of Harbor decodes once. */
function repositoryName(text: string): string {
    const once = decodeURIComponent(text);
    if (once.includes("/")) throw badRequest("single encoding: behind nginx this path is another one");
    return decodeURIComponent(once);
}
