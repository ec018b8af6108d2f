import { z } from "zod";
import { mapLimited } from "../../concurrency/limiter";
import type { Role } from "./prototypes";
import { type QuayApi, expect } from "./quay-api";

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
export async function readGrants(api: QuayApi, organization: string, repository: string): Promise<Grants> {
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
        if (found.status === 404 && found.reason !== undefined) return;
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
