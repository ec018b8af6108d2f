import type { Contents } from "../registry-contents";
import type { Organization } from "./model";
import { NOT_FOUND, NO_CONTENT, json, problem } from "./reply";
import {
    CREATED,
    type Route,
    UNAUTHENTICATED,
    hasScope,
    isReply,
    rejectUnlessOneOf,
    ownedOrganization,
    NEVER_SEEN,
    SEEN,
} from "./route";
import { randomToken } from "./model";

const NAME = /^([a-z0-9]+(?:[._-][a-z0-9]+)*)$/;

export function organizationRoutes(contents: Contents): readonly Route[] {
    return [
        {
            method: "POST",
            path: "/api/v1/organization/",
            body: { name: "string" },
            optional: { email: "string" },
            source: "§4: POST /organization/",
            seenOn: SEEN,
            answer: ({ body, identity }, model) => {
                const name = String(body.name);
                if (identity.username === undefined) return UNAUTHENTICATED;
                // Scopes are looked at before the schema, see fake-quay.ts.
                if (model.organizations.has(name) || model.users.has(name)) {
                    return problem(400, "A user or organization with this name already exists");
                }
                if (!NAME.test(name) || name.length < 2) {
                    return problem(400, `Invalid namespace ${name}: Namespace must match expression ${NAME.source}`);
                }
                if (body.email !== undefined && [...model.users.values()].some(({ email }) => email === body.email)) {
                    return problem(400, `Email has already been used: ${String(body.email)}`);
                }
                model.addOrganization(name, identity.username);
                return CREATED;
            },
        },
        {
            method: "GET",
            path: "/api/v1/organization/:org",
            source: "§4: GET /organization/mirror; CSRF: anybody gets 200 with is_admin false",
            seenOn: SEEN,
            answer: ({ params, identity }, model) => {
                const organization = model.organizations.get(params.org ?? "");
                if (organization === undefined) return NOT_FOUND;
                const isAdmin = model.owns(identity.username, organization) && hasScope(identity, "org:admin");
                if (!isAdmin)
                    return json(200, { name: organization.name, email: "", is_admin: false, is_member: false });
                return json(200, whole(organization));
            },
        },
        {
            method: "DELETE",
            path: "/api/v1/organization/:org",
            source: "§4: DELETE /organization/mirror: with its repositories; unknown is 403",
            seenOn: SEEN,
            answer: (request, model) => {
                const organization = ownedOrganization(request, model);
                if (isReply(organization)) return organization;
                model.removeOrganization(organization);
                contents.remove(organization.name);
                return NO_CONTENT;
            },
        },
        {
            method: "GET",
            path: "/api/v1/organization/:org/autoprunepolicy/",
            source: "§4: ≥3.10, FEATURE_AUTO_PRUNE",
            seenOn: NEVER_SEEN,
            answer: (request, model) => {
                const organization = ownedOrganization(request, model);
                return isReply(organization) ? organization : json(200, { policies: organization.autoPrunePolicies });
            },
        },
        {
            method: "GET",
            path: "/api/v1/organization/:org/immutabilitypolicy/",
            source: "Q: endpoints/api/immutability_policy.py: ≥3.17, FEATURE_IMMUTABLE_TAGS",
            seenOn: NEVER_SEEN,
            answer: (request, model) => {
                const organization = ownedOrganization(request, model);
                return isReply(organization)
                    ? organization
                    : json(200, { policies: organization.immutabilityPolicies });
            },
        },
        {
            method: "GET",
            path: "/api/v1/organization/:org/proxycache",
            source: "Q: endpoints/api/organization.py, OrganizationProxyCacheConfig: empty strings without one; FEATURE_PROXY_CACHE; both seen by hand on 3.18.0",
            seenOn: NEVER_SEEN,
            answer: (request, model) => {
                const organization = ownedOrganization(request, model);
                if (isReply(organization)) return organization;
                const upstream_registry = organization.proxyCacheOf ?? "";
                return json(200, {
                    upstream_registry,
                    expiration_s: upstream_registry === "" ? "" : 86400,
                    insecure: upstream_registry === "" ? "" : false,
                });
            },
        },
        {
            method: "GET",
            path: "/api/v1/organization/:org/applications",
            source: "§4: OAuth application: GET lists them with secrets",
            seenOn: SEEN,
            answer: (request, model) => {
                const organization = ownedOrganization(request, model);
                if (isReply(organization)) return organization;
                return json(200, { applications: [...organization.applications.values()].map(applicationView) });
            },
        },
        {
            method: "POST",
            path: "/api/v1/organization/:org/applications",
            body: { name: "string" },
            optional: {
                description: "string",
                redirect_uri: "string",
                application_uri: "string",
                avatar_email: "string",
            },
            source: "§4: OAuth application: names are not unique",
            seenOn: SEEN,
            answer: (request, model) => {
                const organization = ownedOrganization(request, model);
                if (isReply(organization)) return organization;
                const { name, description } = request.body;
                const made = { name: String(name), description: String(description ?? ""), clientId: randomToken(20) };
                organization.applications.set(made.clientId, made);
                return json(200, applicationView(made));
            },
        },
        {
            method: "DELETE",
            path: "/api/v1/organization/:org/applications/:client",
            source: "§4: OAuth application: DELETE kills its tokens at once",
            seenOn: SEEN,
            answer: (request, model) => {
                const organization = ownedOrganization(request, model);
                if (isReply(organization)) return organization;
                const clientId = request.params.client ?? "";
                if (!organization.applications.has(clientId)) return NOT_FOUND;
                model.removeApplication(organization, clientId);
                return NO_CONTENT;
            },
        },
        {
            method: "PUT",
            path: "/api/v1/organization/:org/team/:team",
            body: { role: "string" },
            optional: { description: "string" },
            source: "§4: PUT /organization/mirror/team/importers: upsert",
            seenOn: SEEN,
            answer: (request, model) => {
                const organization = ownedOrganization(request, model);
                if (isReply(organization)) return organization;
                const { team: name = "" } = request.params;
                const bad = rejectUnlessOneOf("role", request.body.role, ["member", "creator", "admin"]);
                if (bad !== undefined) return bad;
                const known = organization.teams.get(name);
                const role = request.body.role as "member" | "creator" | "admin";
                organization.teams.set(name, { role, members: known?.members ?? new Set() });
                return json(200, { name, role, new_team: known === undefined });
            },
        },
        {
            method: "DELETE",
            path: "/api/v1/organization/:org/team/:team/members/:member",
            source: "§4: DELETE …/members/…: 400 when it is no member",
            seenOn: SEEN,
            answer: (request, model) => {
                const organization = ownedOrganization(request, model);
                if (isReply(organization)) return organization;
                const { team = "", member = "" } = request.params;
                const found = organization.teams.get(team);
                if (found === undefined) return NOT_FOUND;
                if (!found.members.delete(member)) {
                    return problem(400, `User ${member} does not belong to team ${team}`);
                }
                return NO_CONTENT;
            },
        },
    ];
}

function whole({ name, teams }: Organization): object {
    return {
        name,
        email: "0b6f6f5e-uuid",
        is_admin: true,
        is_member: true,
        teams: Object.fromEntries(
            [...teams].map(([team, { role, members }]) => [team, { name: team, role, member_count: members.size }]),
        ),
        tag_expiration_s: 1209600,
    };
}

function applicationView({ name, description, clientId }: { name: string; description: string; clientId: string }) {
    return { name, description, application_uri: "", client_id: clientId, client_secret: "SECRET", redirect_uri: "" };
}
