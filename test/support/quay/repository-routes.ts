import type { Reply } from "../http-server";
import type { Organization, Repository } from "./model";
import { FAULT, FORBIDDEN, NOT_FOUND, NO_CONTENT, json, problem } from "./reply";
import { type ApiRequest, type Route, UNAUTHENTICATED, hasScope, isReply, rejectUnlessOneOf, SEEN } from "./route";
import type { QuayModel } from "./model";
import type { Contents } from "../registry-contents";

/** Q: util/names.py, with nested names on. */
export const REPOSITORY_NAME = /^[a-z0-9][.a-z0-9_-]*(\/[a-z0-9][.a-z0-9_-]*)*$/;
const PAGE = 100;

/** @param contents what the registry behind it holds: Quay's own repositories go with what is in them */
export function repositoryRoutes(contents: Contents): readonly Route[] {
    return [
        {
            method: "POST",
            path: "/api/v1/repository",
            body: { repository: "string", visibility: "string", description: "string" },
            optional: { namespace: "string", repo_kind: "string" },
            source: "§4: POST /repository: the creator comes to own it; org:admin is enough (§9)",
            seenOn: SEEN,
            answer: ({ body, identity }, model) => {
                const bad = rejectUnlessOneOf("visibility", body.visibility, ["public", "private"]);
                if (bad !== undefined) return bad;
                const organization = model.organizations.get(String(body.namespace));
                if (identity.username === undefined) return UNAUTHENTICATED;
                if (organization === undefined || !hasScope(identity, "repo:create", "org:admin")) return FORBIDDEN;
                if (!model.owns(identity.username, organization) && !model.mayCreate(identity.username, organization)) {
                    return FORBIDDEN;
                }
                const name = String(body.repository);
                if (organization.repositories.has(name)) return problem(400, "Repository already exists");
                if (!REPOSITORY_NAME.test(name) || name.length > 255) return problem(400, "Invalid repository name");
                model.addRepository(organization, name, identity.username, body.visibility === "public");
                return json(201, { namespace: organization.name, name, kind: "image" });
            },
        },
        {
            method: "GET",
            path: "/api/v1/repository",
            source: "§4: GET /repository?namespace=: nobody gets an empty list; an unreadable next_page the first page",
            seenOn: SEEN,
            answer: ({ query, identity }, model) => {
                const namespace = query.get("namespace");
                if (namespace === null) return problem(400, "namespace, starred or public is required");
                const organization = model.organizations.get(namespace);
                if (organization === undefined) return json(200, { repositories: [] });
                const seen = [...organization.repositories.values()].filter(
                    (one) => one.isPublic || findRole(model, identity.username, organization, one) !== undefined,
                );
                const from = Number(/^from-(\d+)$/.exec(query.get("next_page") ?? "")?.[1] ?? 0);
                const repositories = seen.slice(from, from + PAGE).map((one) => listView(organization, one));
                const isLast = from + PAGE >= seen.length;
                return json(200, { repositories, ...(isLast ? {} : { next_page: `from-${from + PAGE}` }) });
            },
        },
        {
            method: "GET",
            path: "/api/v1/repository/:org/*repository/permissions/user/",
            source: "§4: GET …/permissions/user/: nobody for a repository that is not there",
            seenOn: SEEN,
            answer: (request, model) => permissions(request, model, "users"),
        },
        {
            method: "GET",
            path: "/api/v1/repository/:org/*repository/permissions/team/",
            source: "as …/permissions/user/",
            seenOn: SEEN,
            answer: (request, model) => permissions(request, model, "teams"),
        },
        {
            method: "PUT",
            path: "/api/v1/repository/:org/*repository/permissions/user/:user",
            body: { role: "string" },
            source: "§4: PUT …/permissions/user/…: upsert; 500 and a page for an unknown repository",
            seenOn: SEEN,
            answer: (request, model) => {
                const organization = administered(request, model);
                if (isReply(organization)) return organization;
                const bad = rejectUnlessOneOf("role", request.body.role, ["read", "write", "admin"]);
                if (bad !== undefined) return bad;
                const { repository: name = "", user = "" } = request.params;
                const repository = organization.repositories.get(name);
                if (repository === undefined) return FAULT;
                if (model.robot(user) === undefined && !model.users.has(user)) {
                    return problem(400, `Invalid username: ${user}`);
                }
                repository.users.set(user, String(request.body.role));
                return json(200, permissionView(user, String(request.body.role)));
            },
        },
        {
            method: "DELETE",
            path: "/api/v1/repository/:org/*repository/permissions/user/:user",
            source: "§4: DELETE …/permissions/user/{name}",
            seenOn: SEEN,
            answer: (request, model) => {
                const organization = administered(request, model);
                if (isReply(organization)) return organization;
                const { repository: name = "", user = "" } = request.params;
                if (organization.repositories.get(name)?.users.delete(user) === true) return NO_CONTENT;
                return problem(400, "User does not have permission for repo.");
            },
        },
        {
            method: "POST",
            path: "/api/v1/repository/:org/*repository/changevisibility",
            body: { visibility: "string" },
            source: "§4: POST …/changevisibility: null for an unknown repository",
            seenOn: SEEN,
            answer: (request, model) => {
                const organization = administered(request, model);
                if (isReply(organization)) return organization;
                const bad = rejectUnlessOneOf("visibility", request.body.visibility, ["public", "private"]);
                if (bad !== undefined) return bad;
                const repository = organization.repositories.get(request.params.repository ?? "");
                if (repository === undefined) return json(200, null);
                repository.isPublic = request.body.visibility === "public";
                return json(200, { success: true });
            },
        },
        {
            method: "GET",
            path: "/api/v1/repository/:org/*repository",
            source: "§4: GET /repository/mirror/<path>: 404 to those with rights on the organization",
            seenOn: SEEN,
            answer: ({ params, query, identity }, model) => {
                const organization = model.organizations.get(params.org ?? "");
                const repository = organization?.repositories.get(params.repository ?? "");
                if (organization === undefined) return identity.username === undefined ? UNAUTHENTICATED : FORBIDDEN;
                const isOwner = model.owns(identity.username, organization);
                if (repository === undefined && isOwner) return NOT_FOUND;
                const role = repository && findRole(model, identity.username, organization, repository);
                if (repository === undefined || (role === undefined && !repository.isPublic)) {
                    return identity.username === undefined ? UNAUTHENTICATED : FORBIDDEN;
                }
                const rights = { can_write: role === "write" || role === "admin", can_admin: role === "admin" };
                const view = { ...listView(organization, repository), tag_expiration_s: 1209600, ...rights };
                if (query.get("includeTags") === "false") return json(200, view);
                const tags = Object.fromEntries(
                    contents.tags(`${organization.name}/${repository.name}`).map((tag) => [tag, { name: tag }]),
                );
                return json(200, { ...view, tags });
            },
        },
        {
            method: "DELETE",
            path: "/api/v1/repository/:org/*repository",
            source: "§4: DELETE /repository/mirror/<path>: 204 also when already gone",
            seenOn: SEEN,
            answer: (request, model) => {
                const organization = administered(request, model);
                if (isReply(organization)) return organization;
                const { repository = "" } = request.params;
                organization.repositories.delete(repository);
                contents.remove(`${organization.name}/${repository}`);
                return NO_CONTENT;
            },
        },
    ];
}

/** The organization, if the asker may administer repositories in it; of one that is not there it is a 403 as well. */
function administered({ params, identity }: ApiRequest, model: QuayModel): Organization | Reply {
    const organization = model.organizations.get(params.org ?? "");
    if (identity.username === undefined) return UNAUTHENTICATED;
    if (organization === undefined || !hasScope(identity, "repo:admin")) return FORBIDDEN;
    return model.owns(identity.username, organization) ? organization : FORBIDDEN;
}

function findRole(
    model: QuayModel,
    username: string | undefined,
    organization: Organization,
    { users }: Repository,
): string | undefined {
    if (username === undefined) return undefined;
    return model.owns(username, organization) ? "admin" : users.get(username);
}

function permissions(request: ApiRequest, model: QuayModel, whose: "users" | "teams"): Reply {
    const organization = administered(request, model);
    if (isReply(organization)) return organization;
    const given = organization.repositories.get(request.params.repository ?? "")?.[whose] ?? new Map<string, string>();
    return json(200, {
        permissions: Object.fromEntries([...given].map(([name, role]) => [name, permissionView(name, role)])),
    });
}

function permissionView(name: string, role: string): object {
    return { role, name, is_robot: name.includes("+"), is_org_member: true };
}

function listView({ name: namespace }: Organization, { name, isPublic, state }: Repository): object {
    return { namespace, name, description: "", is_public: isPublic, kind: "image", state, is_starred: false };
}
