import type { Reply } from "../http-server";
import type { Contents } from "../registry-contents";
import type { QuayModel } from "./model";
import { FORBIDDEN, NOT_FOUND, NO_CONTENT, json, modelError } from "./reply";
import { type ApiRequest, type Route, SEEN, UNAUTHENTICATED, hasScope } from "./route";
import type { QuaySetting } from "./site-routes";

const MAX_PAGE = 100;

/** The tags of a repository. They come before the routes of repositories, whose pattern takes these paths as well. */
export function tagRoutes(
    setting: () => Pick<QuaySetting, "version">,
    contents: Contents,
    deleteTag: (repository: string, tag: string) => void,
): readonly Route[] {
    return [
        {
            method: "GET",
            path: "/api/v1/repository/:org/*repository/tag/",
            source: "Q: endpoints/api/tag.py: limit 50, 100 at most; pages after the last are empty",
            seenOn: SEEN,
            answer: (request, model) => {
                const repository = administered(request, model, "repo:read");
                if (typeof repository !== "string") return repository;
                const { query } = request;
                const page = Number(query.get("page") ?? 1);
                if (!Number.isInteger(page))
                    return json(400, { message: { page: "Page index for the results. Default 1." } });
                const limit = Math.min(MAX_PAGE, Math.max(1, Number(query.get("limit") ?? 50)));
                const from = (Math.max(1, page) - 1) * limit;
                const names = contents.tags(repository).sort();
                const tags = names
                    .slice(from, from + limit)
                    .map((name) => tagView(contents, repository, name, setting().version));
                return json(200, { tags, page: Math.max(1, page), has_additional: names.length > from + limit });
            },
        },
        {
            method: "DELETE",
            path: "/api/v1/repository/:org/*repository/tag/:tag",
            source: "§4: DELETE …/tag/{t}: 204, then 404",
            seenOn: SEEN,
            answer: (request, model) => {
                const repository = administered(request, model, "repo:write");
                if (typeof repository !== "string") return repository;
                const { tag = "" } = request.params;
                if (!/^[\w][\w.-]{0,127}$/.test(tag)) return modelError("Invalid tag");
                if (!contents.tags(repository).includes(tag)) return NOT_FOUND;
                deleteTag(repository, tag);
                return NO_CONTENT;
            },
        },
    ];
}

/** The repository with its organization, for an owner; of an organization that is not there it is a 403 as well. */
function administered({ params, identity }: ApiRequest, model: QuayModel, scope: string): string | Reply {
    const { org = "", repository = "" } = params;
    const organization = model.organizations.get(org);
    if (identity.username === undefined) return UNAUTHENTICATED;
    if (organization === undefined || !model.owns(identity.username, organization)) return FORBIDDEN;
    if (!hasScope(identity, scope, "repo:admin")) return FORBIDDEN;
    return organization.repositories.has(repository) ? `${org}/${repository}` : NOT_FOUND;
}

/** The children of an index are shown since 3.18. */
function tagView(contents: Contents, repository: string, name: string, version: string | undefined): object {
    const manifest_digest = contents.tagged(repository, name);
    const { mediaType, children } = contents.manifest(manifest_digest);
    const is_manifest_list = /index|list/.test(mediaType);
    const view = { name, reversion: false, manifest_digest, is_manifest_list, size: null };
    if (!is_manifest_list || !isFrom318(version)) return view;
    const present = new Set(contents.manifests(repository));
    return {
        ...view,
        is_sparse: children.some((child) => !present.has(child)),
        child_manifest_count: children.length,
        present_child_count: children.filter((child) => present.has(child)).length,
        child_manifests_presence: Object.fromEntries(children.map((child) => [child, present.has(child)])),
    };
}

function isFrom318(version = ""): boolean {
    return Number(/3\.(\d+)/.exec(version)?.[1] ?? 0) >= 18;
}
