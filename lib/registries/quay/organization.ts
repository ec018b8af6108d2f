import { parseBody } from "../admin-client";
import { z } from "zod";
import { RegistryError } from "../../errors/errors";
import type { Namespace, NamespaceAdmin, DesiredNamespace } from "../namespace-admin";
import { isDuplicate, isNotFound, quayError } from "./response";
import { organizationQuota, quotaRoom } from "./organization-quota";
import { listPrototypes } from "./prototypes";
import { type QuayApi, expect } from "./quay-api";
import { listRepositories } from "./repository-list";
import { listRobots } from "./robot-list";

const team = z.object({ role: z.string() });
const organization = organizationQuota.extend({
    name: z.string(),
    is_admin: z.boolean(),
    teams: z.record(z.string(), team).default({}),
});
const policies = z.object({ policies: z.array(z.unknown()) });
const featureList = z.object({ features: z.record(z.string(), z.unknown()) });
/** Without a proxy cache every field is an empty string. */
const proxyCache = z.object({
    upstream_registry: z
        .string()
        .nullish()
        .transform((text) => text ?? ""),
});

/** Organizations of Quay. Asked and made by `api()`; Quay knows them by name only. */
export class Organizations implements NamespaceAdmin {
    /** @param admin asks as an administrator of the named organization, which must be there */
    constructor(
        private readonly api: () => Promise<QuayApi>,
        private readonly admin: (organization: string) => Promise<QuayApi>,
    ) {}

    async read({ name }: DesiredNamespace): Promise<Namespace | undefined> {
        const api = await this.api();
        const found = await readOrganization(api, name);
        if (found === undefined) return undefined;
        const { features } = await api.read("/config", featureList);
        if (features.PROXY_CACHE === true) await refuseProxyCache(api, name);
        const isImmutable = features.IMMUTABLE_TAGS === true && (await hasImmutabilityPolicy(api, name));
        const others = Object.entries(found.teams).filter(([, { role }]) => role !== "member");
        const [repositories, robots, prototypes] = [
            await listRepositories(api, name),
            await listRobots(api, name),
            await listPrototypes(api, name),
        ];
        const room = quotaRoom(found, repositories.length > 0);
        const isEmpty = repositories.length === 0 && robots.length === 0 && prototypes.length === 0;
        return {
            id: name,
            differences: [],
            warnings: [
                ...others.flatMap(([title, { role }]) => teamWarning(name, title, role)),
                ...(isImmutable ? [immutabilityWarning(name)] : []),
                ...(features.AUTO_PRUNE === true ? await pruningWarnings(api, name) : []),
            ],
            hasImmutableTags: isImmutable,
            ...(room === undefined ? {} : { room }),
            isUntouched: isEmpty && Object.keys(found.teams).every((title) => title === "owners"),
        };
    }

    async create(desired: DesiredNamespace): Promise<Namespace | undefined> {
        const api = await this.api();
        // An e-mail address belongs to one account or organization only: none is given.
        const response = await api.once("POST", "/api/v1/organization/", { name: desired.name });
        if (response.status === 201) return this.read(desired);
        if (!isDuplicate(response)) throw quayError(response);
        if ((await readOrganization(api, desired.name)) !== undefined) return undefined;
        throw new RegistryError(`${desired.name} is the name of a user`, {
            ...response.context,
            code: "INVALID_REQUEST",
            status: response.status,
            fix: "choose another organization as the first part of the path in site.registry.mirrorBase",
        });
    }

    /** An organization has nothing that would have to be put right: whatever is wrong in it this program does not change. */
    async update(_known: Pick<Namespace, "id">, desired: DesiredNamespace): Promise<Namespace> {
        const found = await this.read(desired);
        if (found !== undefined) return found;
        const { host } = (await this.api()).connection;
        throw new RegistryError("it does not exist any more", {
            registry: host,
            thing: `organization ${desired.name}`,
            code: "NOT_FOUND",
            status: 404,
            fix: "npm run up refreshes first and makes it again",
        });
    }

    /** Quay would remove every repository with it (204): it is asked first what is left. */
    async remove(_known: Pick<Namespace, "id">, { name }: DesiredNamespace): Promise<void> {
        const outside = await this.api();
        if ((await readOrganization(outside, name)) === undefined) return;
        const admin = await this.admin(name);
        const left = [...(await listRepositories(admin, name)), ...(await listRobots(admin, name))];
        if (left.length > 0) {
            const names = left.slice(0, 5).map((one) => one.name);
            throw new RegistryError(
                `it is not empty: ${left.length} repositories and robot accounts are left (${names.join(", ")})`,
                {
                    registry: outside.connection.host,
                    thing: `organization ${name}`,
                    code: "NAMESPACE_NOT_EMPTY",
                    fix: "remove them first if they are not needed, or keep the organization",
                },
            );
        }
        const response = await admin.delete(`/api/v1/organization/${name}`);
        // The second attempt of a DELETE that arrived finds no organization, which is no 404 but a 403.
        if (response.status !== 204 && (await readOrganization(outside, name)) !== undefined) throw quayError(response);
    }
}

/**
 * The organization as its administrator sees it; undefined if Quay definitely says that there is none.
 * @throws RegistryError if the account does not administer it: a wrong or expired token reads as an anonymous user, who
 * gets a reduced organization, no repositories and no robot accounts
 */
export async function readOrganization(api: QuayApi, name: string): Promise<z.infer<typeof organization> | undefined> {
    const response = await api.get(`/api/v1/organization/${name}`);
    if (isNotFound(response)) return undefined;
    const found = parseBody(expect(response, 200), organization);
    if (found.is_admin) return found;
    const { account } = response.context;
    throw new RegistryError(`the account ${account === undefined ? "" : `${account} `}does not administer it`, {
        ...response.context,
        thing: `organization ${name}`,
        code: "UNAUTHORIZED",
        status: 200,
        fix:
            "use the account (registryUsername, registryPassword) of one of its owners, " +
            "or set registryToken to a token of theirs that is still valid",
    });
}

function teamWarning(organizationName: string, title: string, role: string): string[] {
    if (title === "owners") return [];
    const may = role === "admin" ? "administers everything in it" : "may create repositories and comes to own them";
    return [
        `the team ${title} of the organization ${organizationName} ${may}; lower its role to member unless that is wanted`,
    ];
}

/**
 * With FEATURE_PROXY_CACHE, an organization may be a cache of another registry, even one that already holds images. Quay
 * 3.18 accepts pushes to it all the same, and asks the upstream for whatever it does not hold. Without the feature the call
 * does not exist.
 */
async function refuseProxyCache(api: QuayApi, name: string): Promise<void> {
    const { upstream_registry: upstream } = await api.read(`/api/v1/organization/${name}/proxycache`, proxyCache);
    if (upstream === "") return;
    throw new RegistryError(`it is a proxy cache: Quay asks ${upstream} for every image that it does not hold`, {
        registry: api.connection.host,
        thing: `organization ${name}`,
        code: "PROXY_CACHE_PROJECT",
        fix:
            "remove its proxy cache in Quay (organization, Settings), or " +
            "choose another organization as the first part of the path in site.registry.mirrorBase",
    });
}

/** Quay >= 3.17 with FEATURE_IMMUTABLE_TAGS; without it, the call does not exist. Policies of single repositories are not asked for. */
async function hasImmutabilityPolicy(api: QuayApi, name: string): Promise<boolean> {
    const found = await api.read(`/api/v1/organization/${name}/immutabilitypolicy/`, policies);
    return found.policies.length > 0;
}

function immutabilityWarning(name: string): string {
    return (
        `the organization ${name} has immutable tags: a set that moves a tag of an earlier one is refused (409), and ` +
        "nothing with such a tag can be removed; remove the policy (organization, Settings) while tags have to move"
    );
}

/** Quay >= 3.10 with FEATURE_AUTO_PRUNE deletes tags by itself; without it, the call does not exist. */
async function pruningWarnings(api: QuayApi, name: string): Promise<string[]> {
    const found = await api.read(`/api/v1/organization/${name}/autoprunepolicy/`, policies);
    if (found.policies.length === 0) return [];
    return [
        `an auto-prune policy of the organization ${name} deletes tags, and with them images a cluster needs; ` +
            "remove it (organization, Settings, Auto-Prune Policies)",
    ];
}
