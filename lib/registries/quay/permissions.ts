import { z } from "zod";
import { mapLimited } from "../../concurrency/limiter";
import { parseBody } from "../admin-client";
import { readOrganization } from "./organization";
import type { Role } from "./prototypes";
import { type QuayApi, expect } from "./quay-api";
import { isNotFound } from "./response";
import { listRobots } from "./robot-list";

const permission = z.object({ role: z.string(), is_robot: z.boolean().optional() });
const permissions = z.object({ permissions: z.record(z.string(), permission) });

/** Who has which role in one repository. */
export interface Grants {
    /** User name, of people and robot accounts -> role. */
    readonly users: Readonly<Record<string, { readonly role: string; readonly isRobot: boolean }>>;
    /** Team -> role. */
    readonly teams: Readonly<Record<string, string>>;
}

/** Lists in flight beside the API's own limit would only wait there. */
const AT_ONCE = 8;

/** @param repository one that is known to be there: Quay responds with 200 and no users for one that is not */
async function readGrants(api: QuayApi, organization: string, repository: string): Promise<Grants> {
    const path = `/api/v1/repository/${organization}/${repository}/permissions`;
    const users = await api.read(`${path}/user/`, permissions);
    const teams = await api.read(`${path}/team/`, permissions);
    return {
        users: Object.fromEntries(
            Object.entries(users.permissions).map(([name, { role, is_robot }]) => [
                name,
                { role, isRobot: is_robot === true },
            ]),
        ),
        teams: Object.fromEntries(Object.entries(teams.permissions).map(([name, { role }]) => [name, role])),
    };
}

const grantList = z.object({
    permissions: z.array(z.object({ role: z.string(), repository: z.object({ name: z.string() }) })),
});
const NO_GRANTS: Grants = { users: {}, teams: {} };

/**
 * The rights of robot accounts and teams in repositories of an organization, by name: a request per robot account and per
 * team where that is less than two per repository, and where the account may ask that way (an OAuth token needs the scope
 * `user:admin` for it).
 * @param repositories those that are known to exist
 */
export async function readGrantsOfAll(
    api: QuayApi,
    organization: string,
    repositories: readonly string[],
): Promise<ReadonlyMap<string, Grants>> {
    const byHolder = await readGrantsByHolder(api, organization, 2 * repositories.length);
    if (byHolder !== undefined) return new Map(repositories.map((name) => [name, byHolder.get(name) ?? NO_GRANTS]));
    const found = await mapLimited(
        repositories,
        AT_ONCE,
        async (name) => [name, await readGrants(api, organization, name)] as const,
    );
    return new Map(found);
}

/** @returns undefined if that takes `maxRequests` or more, or the account may not ask that way */
async function readGrantsByHolder(
    api: QuayApi,
    organization: string,
    maxRequests: number,
): Promise<ReadonlyMap<string, Grants> | undefined> {
    if (maxRequests <= 2) return undefined;
    const robots = (await listRobots(api, organization)).filter(({ repositories }) => repositories.length > 0);
    const teams = Object.keys((await readOrganization(api, organization))?.teams ?? {});
    if (2 + robots.length + teams.length >= maxRequests) return undefined;
    const base = `/api/v1/organization/${organization}`;
    const found = new Map<string, { users: Record<string, Grants["users"][string]>; teams: Record<string, string> }>();
    const grantsIn = (name: string) => {
        const grants = found.get(name) ?? { users: {}, teams: {} };
        found.set(name, grants);
        return grants;
    };
    for (const { name } of robots) {
        const shortName = name.slice(organization.length + 1);
        const response = await api.get(`${base}/robots/${shortName}/permissions`);
        if (response.status !== 200) return undefined;
        for (const { repository, role } of parseBody(response, grantList).permissions)
            grantsIn(repository.name).users[name] = { role, isRobot: true };
    }
    for (const team of teams) {
        const response = await api.get(`${base}/team/${team}/permissions`);
        if (response.status !== 200) return undefined;
        for (const { repository, role } of parseBody(response, grantList).permissions)
            grantsIn(repository.name).teams[team] = role;
    }
    return found;
}

/** Gives a robot account its role in one repository. A repository that is gone by now is none of the caller's. */
export async function grant(
    api: QuayApi,
    organization: string,
    repository: string,
    robot: string,
    role: Role,
): Promise<void> {
    const base = `/api/v1/repository/${organization}/${repository}`;
    const once = api.withoutRetry();
    await api.retrying(async () => {
        // For a repository that is not there Quay answers this PUT with 500 and a page.
        const found = await once.get(`${base}?includeTags=false`);
        if (isNotFound(found)) return;
        expect(found, 200);
        expect(await once.once("PUT", `${base}/permissions/user/${robot}`, { role }), 200);
    });
}

/** Gives a robot account its role in many repositories. */
export async function grantAll(
    api: QuayApi,
    organization: string,
    repositories: readonly string[],
    robot: string,
    role: Role,
): Promise<void> {
    await mapLimited(repositories, AT_ONCE, (repository) => grant(api, organization, repository, robot, role));
}
