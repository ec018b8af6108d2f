import { parseBody } from "../admin-client";
import { z } from "zod";
import { mapLimited } from "../../concurrency/limiter";
import type { FoundRepositories, DesiredRepositories, RepositoryAdmin, RepositoryListeners } from "../repository-admin";
import { isDuplicate, isNotFound, quayError } from "./response";
import { readOrganization } from "./organization";
import { type Grants, grant, readGrantsOfAll } from "./permissions";
import { type QuayApi, expect } from "./quay-api";
import { type ListedRepository, listRepositories } from "./repository-list";

/** More would only wait for the API's own limit. */
const AT_ONCE = 8;

/** Repositories of Quay, made by the administrator: a robot account that makes one by pushing comes to own it. */
export class Repositories implements RepositoryAdmin {
    /**
     * @param reader asks as the account itself: reading needs no OAuth application, which a read-only Quay cannot make
     * @param admin asks as an administrator of the named organization
     */
    constructor(
        private readonly reader: () => Promise<QuayApi>,
        private readonly admin: (organization: string) => Promise<QuayApi>,
    ) {}

    async read(desired: DesiredRepositories): Promise<FoundRepositories> {
        const api = await this.reader();
        const listed = await listOwned(api, desired.namespace);
        const there = desired.names.filter((name) => listed.has(name));
        const grants = await readGrantsOfAll(api, desired.namespace, there);
        const found = there.map((name) => ({ name, grants: grants.get(name) ?? { users: {}, teams: {} } }));
        return {
            missing: desired.names.filter((name) => !listed.has(name)),
            differences: found.flatMap(({ name, grants }) => differences(desired, name, listed.get(name), grants)),
            warnings: [
                ...found.flatMap(({ name }) => unwritableWarning(name, listed.get(name))),
                ...otherPushers(desired, found),
            ],
        };
    }

    async ensure(desired: DesiredRepositories, { onProgress, onCreate }: RepositoryListeners = {}): Promise<string[]> {
        const { namespace, names } = desired;
        const api = await this.admin(namespace);
        const listed = await listOwned(api, namespace);
        let done = 0;
        await mapLimited(names, AT_ONCE, async (name) => {
            if (!listed.has(name)) onCreate?.(name);
            await ensurePrivate(api, namespace, name, listed.get(name));
            onProgress?.(++done, names.length);
        });
        // A new repository has its rights from the default permissions of the organization: what is right is not set again.
        const grants = await readGrantsOfAll(await this.reader(), namespace, names);
        await mapLimited(names, AT_ONCE, async (name) => {
            for (const [robot, role] of [
                [desired.importer, "write"],
                [desired.puller, "read"],
            ] as const) {
                if (grants.get(name)?.users[robot]?.role !== role) await grant(api, namespace, name, robot, role);
            }
        });
        return names.filter((name) => !listed.has(name));
    }

    async remove({ namespace, names }: Pick<DesiredRepositories, "namespace" | "names">): Promise<void> {
        const api = await this.admin(namespace);
        const listed = await listOwned(api, namespace);
        const there = names.filter((name) => listed.has(name));
        await mapLimited(there, AT_ONCE, async (name) => {
            const path = `/api/v1/repository/${namespace}/${name}`;
            const found = await api.get(`${path}?includeTags=true`);
            if (isNotFound(found)) return;
            const { tags } = parseBody(expect(found, 200), z.object({ tags: z.record(z.string(), z.unknown()) }));
            if (Object.keys(tags).length === 0) expect(await api.delete(path), 204);
        });
    }
}

/** The repository exists afterwards, and is private. */
async function ensurePrivate(
    api: QuayApi,
    namespace: string,
    name: string,
    known: ListedRepository | undefined,
): Promise<void> {
    if (known === undefined) await make(api, namespace, name);
    if (known?.is_public !== true) return;
    const path = `/api/v1/repository/${namespace}/${name}/changevisibility`;
    expect(await api.retrying(() => api.once("POST", path, { visibility: "private" })), 200);
}

/** The list, of an organization that is administered for certain: anybody else gets an empty one. */
async function listOwned(api: QuayApi, namespace: string): Promise<Map<string, ListedRepository>> {
    if ((await readOrganization(api, namespace)) === undefined) return new Map();
    return new Map((await listRepositories(api, namespace)).map((one) => [one.name, one]));
}

/** Repeating it is harmless: a second one is refused by its name. */
async function make(api: QuayApi, namespace: string, name: string): Promise<void> {
    const body = { namespace, repository: name, visibility: "private", description: "", repo_kind: "image" };
    const response = await api.retrying(() => api.once("POST", "/api/v1/repository", body));
    if (response.status === 201 || isDuplicate(response)) return;
    throw quayError(response);
}

function differences(
    desired: DesiredRepositories,
    name: string,
    listed: ListedRepository | undefined,
    { users }: Grants,
): string[] {
    const right = (robot: string, role: string) => {
        const found = users[robot]?.role ?? "none";
        return found === role ? [] : [`${name}: ${robot}: ${found} -> ${role}`];
    };
    return [
        ...(listed?.is_public === true ? [`${name}: public -> private`] : []),
        ...right(desired.importer, "write"),
        ...right(desired.puller, "read"),
    ];
}

interface GrantedRepository {
    readonly name: string;
    readonly grants: Grants;
}

const MAX_NAMED = 5;

/** Who else may push, a line each. Reported and not taken away: it may be another stack's robot account, or its owner. */
function otherPushers(desired: DesiredRepositories, repositories: readonly GrantedRepository[]): string[] {
    const where = new Map<string, string[]>();
    for (const { name, grants } of repositories) {
        for (const pusher of pushers(desired, grants)) where.set(pusher, [...(where.get(pusher) ?? []), name]);
    }
    return [...where].sort().map(([pusher, names]) => {
        const named = `${names.slice(0, MAX_NAMED).join(", ")}${names.length > MAX_NAMED ? ", …" : ""}`;
        const count = names.length === 1 ? "1 repository" : `${names.length} repositories`;
        return `${pusher} may push to ${count}, too (${named}); take the right away unless that is wanted`;
    });
}

function pushers({ importer, puller, successors = [] }: DesiredRepositories, { users, teams }: Grants): string[] {
    const own = [importer, puller, ...successors];
    const robots = Object.entries(users).filter(
        ([user, { role, isRobot }]) => isRobot && role !== "read" && !own.includes(user),
    );
    const groups = Object.entries(teams).filter(([, role]) => role !== "read");
    return [...robots.map(([user]) => user), ...groups.map(([team]) => `the team ${team}`)];
}

/** Quay leaves `push` out of the tokens for such a repository, without a word. */
function unwritableWarning(name: string, listed: ListedRepository | undefined): string[] {
    if (listed === undefined || listed.state === "NORMAL") return [];
    return [`${name}: its state is ${listed.state}: nothing can be pushed; set it to NORMAL (repository, Settings)`];
}
