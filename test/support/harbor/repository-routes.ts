import type { Contents } from "../registry-contents";
import {
    type Call,
    type Reply,
    type Route,
    SEEN,
    badRequest,
    filters,
    forbidden,
    notFound,
    paged,
    precondition,
} from "./exchange";
import { visibleProject } from "./project-routes";

/** registry-apis.md §3: the repositories of a project, and their artifacts. */
export function repositoryRoutes(contents: Contents): readonly Route[] {
    const repositories = /^\/projects\/([^/]+)\/repositories$/;
    const repository = /^\/projects\/([^/]+)\/repositories\/([^/]+)$/;
    const artifacts = /^\/projects\/([^/]+)\/repositories\/([^/]+)\/artifacts$/;
    const tag = /^\/projects\/([^/]+)\/repositories\/([^/]+)\/artifacts\/([^/]+)\/tags\/([^/]+)$/;
    return [
        ["GET", repositories, (call) => listRepositories(call, contents), SEEN],
        ["DELETE", repository, (call) => deleteRepository(call, contents), SEEN],
        ["GET", artifacts, (call) => listArtifacts(call, contents), SEEN],
        ["DELETE", tag, (call) => deleteTag(call, contents), SEEN],
        ["GET", /^\/projects\/([^/]+)\/artifacts$/, (call) => listArtifacts(call, contents), SEEN],
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

/**
 * Without a repository in the path, those of the whole project. Children of indexes only with `base=*` or a tag of their own;
 * accessories never. A repository that does not exist has none.
 */
function listArtifacts(call: Call, contents: Contents): Reply {
    const project = visibleProject(call);
    if (!call.harbor.may(call.principal, project, "artifact", "list")) throw forbidden();
    const base = filters(call).get("base");
    if (base !== undefined && base !== "*")
        throw badRequest('the value of "base" query can only be exact match value with "*"');
    const [, repository] = call.params;
    const all = contents.repositories(project.name);
    const named =
        repository === undefined ? all : all.filter((name) => name === `${project.name}/${repositoryName(repository)}`);
    return paged(
        call,
        named.flatMap((name) => artifactsOf(name, base === "*", contents)),
    );
}

function artifactsOf(repository: string, isWithChildren: boolean, contents: Contents): object[] {
    const digests = contents.manifests(repository);
    const manifests = new Map(digests.map((digest) => [digest, contents.manifest(digest)]));
    const children = new Set([...manifests.values()].flatMap((manifest) => manifest.children));
    const tagged = contents.tags(repository).map((name) => [name, contents.tagged(repository, name)] as const);
    return [...manifests].flatMap(([digest, { mediaType, children: own, subject }]) => {
        const names = tagged.flatMap(([name, target]) => (target === digest ? [name] : []));
        const isAccessory = subject !== undefined && manifests.has(subject);
        if (isAccessory || (children.has(digest) && names.length === 0 && !isWithChildren)) return [];
        const references = own.map((child_digest) => ({ child_digest }));
        return [
            {
                ...{ digest, repository_name: repository, manifest_media_type: mediaType, accessories: null },
                tags: names.length === 0 ? null : names.map((name) => ({ name, immutable: false })),
                references: references.length === 0 ? null : references,
            },
        ];
    });
}

function deleteTag(call: Call, contents: Contents): Reply {
    const project = visibleProject(call);
    if (!call.harbor.may(call.principal, project, "tag", "delete")) throw forbidden();
    const [, repository = "", , tag = ""] = call.params;
    const name = `${project.name}/${repositoryName(repository)}`;
    if (!contents.tags(name).includes(tag)) throw notFound(`tag ${tag} not found`);
    contents.removeTag(name, tag);
    return { status: 200 };
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
