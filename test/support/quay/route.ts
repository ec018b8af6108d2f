import type { Reply } from "../http-server";
import type { Organization, QuayModel } from "./model";
import { FORBIDDEN, json, problem } from "./reply";

/** Who asks: an OAuth token has scopes, a session may do whatever its user may. */
export interface Identity {
    readonly username: string | undefined;
    readonly via: "token" | "session" | "nothing";
    readonly scopes: ReadonlySet<string>;
}

/** One request, read and let in. */
export interface ApiRequest {
    readonly method: string;
    readonly path: string;
    readonly query: URLSearchParams;
    /** The values of the path's places, decoded. */
    readonly params: Readonly<Record<string, string>>;
    /** The JSON body; `{}` without one. */
    readonly body: Readonly<Record<string, unknown>>;
    readonly identity: Identity;
    readonly cookies: Readonly<Record<string, string>>;
    readonly form: URLSearchParams;
}

export interface Route {
    readonly method: "GET" | "PUT" | "POST" | "DELETE";
    /** `/api/v1/organization/:org/robots/:robot`; `*` is for slashes as well: a repository. */
    readonly path: string;
    /** Fields of the body, with the type each must have; the ones named `?` may be missing. */
    readonly body?: Readonly<Record<string, "string" | "object" | "boolean">>;
    readonly optional?: Readonly<Record<string, "string" | "object" | "boolean">>;
    /** Where registry-apis.md or the server itself says so. */
    readonly source: string;
    /**
     * Versions of Quay on which the tests of the stand-in were seen to pass with it; `NEVER_SEEN` for a route that was
     * written from reading.
     */
    readonly seenOn: readonly string[];
    readonly answer: (request: ApiRequest, model: QuayModel) => Reply;
}

/** `test/unit/registries/fake-quay.test.ts` asks every route that has this mark. */
export const SEEN = ["3.12.18", "3.18.0"];
export const NEVER_SEEN: readonly string[] = [];

/** Matches whole paths; the last `*` of a pattern takes slashes as well. */
export function matches(pattern: string, path: string): Record<string, string> | undefined {
    const names: string[] = [];
    const source = pattern.replace(/[:*](\w+)/g, (whole, name: string) => {
        names.push(name);
        return whole.startsWith("*") ? "(.+)" : "([^/]+)";
    });
    const found = new RegExp(`^${source}$`).exec(path);
    if (found === null) return undefined;
    return Object.fromEntries(names.map((name, i) => [name, decodeURIComponent(found[i + 1] ?? "")]));
}

/** What is wrong with a body, as Quay's JSON schemas say it; undefined if nothing is. */
export function schemaProblem({ body, optional }: Route, given: Readonly<Record<string, unknown>>): Reply | undefined {
    for (const [name, type] of Object.entries({ ...body, ...optional })) {
        if (given[name] === undefined) {
            if (body?.[name] === undefined) continue;
            return problem(400, `'${name}' is a required property\n\nFailed validating 'required' in schema`);
        }
        if (typeof given[name] === type) continue;
        return problem(400, `${JSON.stringify(given[name])} is not of type '${type}'\n\nFailed validating 'type'`);
    }
    return undefined;
}

/** Fields that Quay would ignore: a client that sends them believes in something that is not there. */
export function strangeFields(route: Route, given: Readonly<Record<string, unknown>>): string[] {
    const known = { ...route.body, ...route.optional };
    return Object.keys(given).filter((name) => known[name] === undefined);
}

export function rejectUnlessOneOf(name: string, value: unknown, allowed: readonly string[]): Reply | undefined {
    if (typeof value === "string" && allowed.includes(value)) return undefined;
    const list = allowed.map((one) => `'${one}'`).join(", ");
    return problem(400, `'${String(value)}' is not one of [${list}]\n\nFailed validating 'enum' in schema['${name}']`);
}

/** True if the asker holds the scope; a session holds all of them. */
export function hasScope({ via, scopes }: Identity, ...anyOf: readonly string[]): boolean {
    return via === "session" || anyOf.some((scope) => scopes.has(scope));
}

/**
 * The organization, for somebody who owns it; of one that is not there, Quay says 403 as well (§4). Nobody at all is
 * answered 401 by reads.
 */
export function ownedOrganization(
    { identity, params }: ApiRequest,
    model: QuayModel,
    scope = "org:admin",
): Organization | Reply {
    const organization = model.organizations.get(params.org ?? "");
    if (identity.username === undefined) return UNAUTHENTICATED;
    if (organization === undefined || !hasScope(identity, scope)) return FORBIDDEN;
    return model.owns(identity.username, organization) ? organization : FORBIDDEN;
}

export const UNAUTHENTICATED = problem(401, "Requires authentication");

export function isReply(value: object): value is Reply {
    return "status" in value;
}

export const CREATED = json(201, "Created");
