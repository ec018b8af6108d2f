import type { Reply } from "../http-server";
import type { Organization, Prototype, Repository, Robot } from "./model";
import { randomToken } from "./model";
import { NOT_FOUND, NO_CONTENT, NO_ROBOT, json, problem } from "./reply";
import { type ApiRequest, type Route, isReply, rejectUnlessOneOf, ownedOrganization, SEEN } from "./route";

const NAME = /^([a-z0-9]+(?:[._-][a-z0-9]+)*)$/;

export const robotRoutes: readonly Route[] = [
    {
        method: "GET",
        path: "/api/v1/organization/:org/robots",
        source: "§4: GET …/robots?permissions=true&token=false",
        seenOn: SEEN,
        answer: (request, model) => {
            const organization = ownedOrganization(request, model);
            if (isReply(organization)) return organization;
            const withPermissions = request.query.get("permissions") === "true";
            const withToken = request.query.get("token") !== "false";
            const robots = [...organization.robots.values()].map((robot) => ({
                ...view(robot, withToken),
                ...(withPermissions ? rights(organization, robot.name) : {}),
            }));
            return json(200, { robots });
        },
    },
    {
        method: "GET",
        path: "/api/v1/organization/:org/robots/:robot",
        source: "§4: GET …/robots/importer: the secret is readable again; 400, not 404, without one",
        seenOn: SEEN,
        answer: (request, model) => {
            const organization = ownedOrganization(request, model);
            if (isReply(organization)) return organization;
            const robot = organization.robots.get(request.params.robot ?? "");
            return robot === undefined ? NO_ROBOT : json(200, view(robot, true));
        },
    },
    {
        method: "GET",
        path: "/api/v1/organization/:org/robots/:robot/permissions",
        source: "§4: GET …/robots/importer/permissions: needs the scope user:admin",
        seenOn: SEEN,
        answer: (request, model) => {
            const organization = ownedOrganization(request, model, "user:admin");
            if (isReply(organization)) return organization;
            const name = `${organization.name}+${request.params.robot ?? ""}`;
            return json(200, { permissions: listGrants(organization, ({ users }) => users.get(name)) });
        },
    },
    {
        method: "GET",
        path: "/api/v1/organization/:org/team/:team/permissions",
        source: "Q: endpoints/api/team.py, TeamPermissions [run 3.18.0]",
        seenOn: SEEN,
        answer: (request, model) => {
            const organization = ownedOrganization(request, model);
            if (isReply(organization)) return organization;
            const { team = "" } = request.params;
            if (!organization.teams.has(team)) return NOT_FOUND;
            return json(200, { permissions: listGrants(organization, ({ teams }) => teams.get(team)) });
        },
    },
    {
        method: "PUT",
        path: "/api/v1/organization/:org/robots/:robot",
        optional: { description: "string", unstructured_metadata: "object" },
        source: "§4: PUT …/robots/importer: 201; 400 for an existing one",
        seenOn: SEEN,
        answer: (request, model) => {
            const organization = ownedOrganization(request, model);
            if (isReply(organization)) return organization;
            const { robot: name = "" } = request.params;
            if (organization.robots.has(name)) {
                return problem(400, `Existing robot with name: ${organization.name}+${name}`);
            }
            if (!NAME.test(name) || name.length < 2) {
                return problem(400, `The name for the robot '${name}' is invalid: must match ${NAME.source}`);
            }
            const description = String(request.body.description ?? "");
            if (description.length > 255) return problem(400, "Robot description is too long");
            return json(201, view(model.addRobot(organization, name, description), true));
        },
    },
    {
        method: "POST",
        path: "/api/v1/organization/:org/robots/:robot/regenerate",
        source: "§4: POST …/regenerate: the old secret is dead for new logins at once",
        seenOn: SEEN,
        answer: (request, model) => {
            const organization = ownedOrganization(request, model);
            if (isReply(organization)) return organization;
            const robot = organization.robots.get(request.params.robot ?? "");
            if (robot === undefined) return NO_ROBOT;
            robot.token = randomToken();
            return json(200, view(robot, true));
        },
    },
    {
        method: "DELETE",
        path: "/api/v1/organization/:org/robots/:robot",
        source: "§4: DELETE …/robots/importer: 400 unknown, so also the second time",
        seenOn: SEEN,
        answer: (request, model) => {
            const organization = ownedOrganization(request, model);
            if (isReply(organization)) return organization;
            const { robot: name = "" } = request.params;
            if (!organization.robots.has(name)) return NO_ROBOT;
            model.removeRobot(organization, name);
            return NO_CONTENT;
        },
    },
    {
        method: "GET",
        path: "/api/v1/organization/:org/prototypes",
        source: "§4: GET /organization/mirror/prototypes",
        seenOn: SEEN,
        answer: (request, model) => {
            const organization = ownedOrganization(request, model);
            if (isReply(organization)) return organization;
            return json(200, { prototypes: organization.prototypes.map(prototypeView) });
        },
    },
    {
        method: "POST",
        path: "/api/v1/organization/:org/prototypes",
        body: { role: "string", delegate: "object" },
        optional: { activating_user: "object" },
        source: "§4: POST …/prototypes: no uniqueness, a second one is a duplicate",
        seenOn: SEEN,
        answer: (request, model) => {
            const organization = ownedOrganization(request, model);
            if (isReply(organization)) return organization;
            const { delegate } = request.body as { delegate: { kind?: unknown; name?: unknown } };
            const bad =
                rejectUnlessOneOf("role", request.body.role, ["read", "write", "admin"]) ??
                rejectUnlessOneOf("delegate.kind", delegate.kind, ["user", "team"]);
            if (bad !== undefined) return bad;
            const name = String(delegate.name);
            const isKnown =
                delegate.kind === "team"
                    ? organization.teams.has(name)
                    : model.robot(name) !== undefined || model.users.has(name);
            if (!isKnown) return problem(400, "Missing delegate user or team");
            return json(200, prototypeView(model.addPrototype(organization, name, String(request.body.role))));
        },
    },
    {
        method: "PUT",
        path: "/api/v1/organization/:org/prototypes/:id",
        body: { role: "string" },
        source: "§4: PUT …/prototypes/{uuid}",
        seenOn: SEEN,
        answer: (request, model) => {
            const found = prototype(request, ownedOrganization(request, model));
            if (isReply(found)) return found;
            const bad = rejectUnlessOneOf("role", request.body.role, ["read", "write", "admin"]);
            if (bad !== undefined) return bad;
            found.role = String(request.body.role);
            return json(200, prototypeView(found));
        },
    },
    {
        method: "DELETE",
        path: "/api/v1/organization/:org/prototypes/:id",
        source: "§4: DELETE …/prototypes/{uuid}: 404, also the second time",
        seenOn: SEEN,
        answer: (request, model) => {
            const organization = ownedOrganization(request, model);
            const found = prototype(request, organization);
            if (isReply(found) || isReply(organization)) return found as Reply;
            organization.prototypes.splice(organization.prototypes.indexOf(found), 1);
            return NO_CONTENT;
        },
    },
];

function view({ name, token, created, description }: Robot, withToken: boolean): object {
    const at = created.toUTCString().replace("GMT", "-0000");
    return {
        name,
        created: at,
        last_accessed: null,
        description,
        ...(withToken ? { token, unstructured_metadata: {} } : {}),
    };
}

function rights({ teams, repositories }: Organization, name: string): object {
    return {
        teams: [...teams].filter(([, { members }]) => members.has(name)).map(([team]) => ({ name: team })),
        repositories: [...repositories.values()].filter(({ users }) => users.has(name)).map((one) => one.name),
    };
}

function listGrants({ repositories }: Organization, roleIn: (repository: Repository) => string | undefined): object[] {
    return [...repositories.values()].flatMap((repository) => {
        const role = roleIn(repository);
        if (role === undefined) return [];
        return [{ repository: { name: repository.name, is_public: repository.isPublic }, role }];
    });
}

function prototypeView({ id, role, delegate, activatingUser }: Prototype): object {
    return {
        activating_user: activatingUser === undefined ? null : { name: activatingUser, kind: "user" },
        delegate: { name: delegate, kind: "user", is_robot: delegate.includes("+"), is_org_member: true },
        role,
        id,
    };
}

function prototype({ params }: ApiRequest, organization: Organization | Reply): Prototype | Reply {
    if (isReply(organization)) return organization;
    return organization.prototypes.find(({ id }) => id === params.id) ?? NOT_FOUND;
}
