import { randomBytes, randomUUID } from "node:crypto";

/** What a fake Quay knows; its routes read and change it, and tests look at it. */
export interface User {
    readonly username: string;
    readonly password: string;
    readonly email: string;
    /** When the next sign-in is let through, after a wrong password; milliseconds since the epoch. */
    blockedUntil: number;
}

export interface Robot {
    readonly name: string;
    token: string;
    readonly created: Date;
    readonly description: string;
}

export interface Prototype {
    readonly id: string;
    role: string;
    readonly delegate: string;
    readonly activatingUser: string | undefined;
}

export interface Repository {
    readonly name: string;
    isPublic: boolean;
    state: "NORMAL" | "READ_ONLY" | "MIRROR";
    /** User or robot account -> role. */
    readonly users: Map<string, string>;
    readonly teams: Map<string, string>;
}

export interface Application {
    readonly name: string;
    readonly clientId: string;
    readonly description: string;
}

export interface Team {
    role: "member" | "creator" | "admin";
    readonly members: Set<string>;
}

export interface Organization {
    readonly name: string;
    readonly teams: Map<string, Team>;
    /** By short name. */
    readonly robots: Map<string, Robot>;
    /** The oldest first. */
    readonly prototypes: Prototype[];
    readonly repositories: Map<string, Repository>;
    readonly applications: Map<string, Application>;
    readonly autoPrunePolicies: object[];
    readonly immutabilityPolicies: { readonly tagPattern: string }[];
    /** The registry that the organization is a proxy cache of. */
    proxyCacheOf?: string | undefined;
}

/** An OAuth token, and the application it dies with. */
export interface OAuthGrant {
    readonly username: string;
    readonly scopes: ReadonlySet<string>;
    readonly clientId?: string;
}

export const SCOPES = [
    "org:admin",
    "user:admin",
    "repo:create",
    "repo:admin",
    "repo:read",
    "repo:write",
    "super:user",
] as const;

/** 64 characters of A-Z0-9, as Quay's robot tokens; shorter for OAuth. */
export function randomToken(length = 64): string {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    return [...randomBytes(length)].map((byte) => alphabet[byte % alphabet.length]).join("");
}

export class QuayModel {
    /** What is made from now on is this old: nobody can wait for days. */
    ageInDays = 0;
    readonly users = new Map<string, User>();
    readonly organizations = new Map<string, Organization>();
    readonly grants = new Map<string, OAuthGrant>();
    /** Those that have ended, too. */
    readonly everyGrant = new Set<string>();

    addUser(username: string, password: string, email = `${username}@example.com`): User {
        const user = { username, password, email, blockedUntil: 0 };
        this.users.set(username, user);
        return user;
    }

    addOrganization(name: string, owner: string): Organization {
        const organization: Organization = {
            name,
            teams: new Map([["owners", { role: "admin", members: new Set([owner]) }]]),
            robots: new Map(),
            prototypes: [],
            repositories: new Map(),
            applications: new Map(),
            autoPrunePolicies: [],
            immutabilityPolicies: [],
        };
        this.organizations.set(name, organization);
        return organization;
    }

    addGrant(username: string, scopes: readonly string[], clientId?: string): string {
        const token = randomToken(40);
        this.everyGrant.add(token);
        this.grants.set(token, { username, scopes: new Set(scopes), ...(clientId === undefined ? {} : { clientId }) });
        return token;
    }

    addRobot({ robots, name }: Organization, shortName: string, description = ""): Robot {
        const created = new Date(Date.now() - this.ageInDays * 24 * 3600 * 1000);
        const robot = { name: `${name}+${shortName}`, token: randomToken(), created, description };
        robots.set(shortName, robot);
        return robot;
    }

    /** Prototypes are copied at creation; of several for one delegate the oldest counts, and the creator is skipped. */
    addRepository(organization: Organization, name: string, creator: string, isPublic = false): Repository {
        const users = new Map([[creator, "admin"]]);
        const forCreator = organization.prototypes.filter(({ activatingUser }) => activatingUser === creator);
        const forAll = organization.prototypes.filter(({ activatingUser }) => activatingUser === undefined);
        for (const { delegate, role } of [...forCreator, ...forAll]) {
            if (!users.has(delegate)) users.set(delegate, role);
        }
        const repository: Repository = { name, isPublic, state: "NORMAL", users, teams: new Map() };
        organization.repositories.set(name, repository);
        return repository;
    }

    addPrototype(organization: Organization, delegate: string, role: string, activatingUser?: string): Prototype {
        const prototype = { id: randomUUID(), role, delegate, activatingUser };
        organization.prototypes.push(prototype);
        return prototype;
    }

    /** Its teams, permissions and prototypes go with it. */
    removeRobot(organization: Organization, shortName: string): void {
        const name = `${organization.name}+${shortName}`;
        organization.robots.delete(shortName);
        for (const { users } of organization.repositories.values()) users.delete(name);
        for (const { members } of organization.teams.values()) members.delete(name);
        const rest = organization.prototypes.filter(({ delegate }) => delegate !== name);
        organization.prototypes.splice(0, Infinity, ...rest);
    }

    removeApplication({ applications }: Organization, clientId: string): void {
        applications.delete(clientId);
        for (const [token, grant] of this.grants) if (grant.clientId === clientId) this.grants.delete(token);
    }

    removeOrganization(organization: Organization): void {
        for (const clientId of organization.applications.keys()) this.removeApplication(organization, clientId);
        this.organizations.delete(organization.name);
    }

    robot(username: string): Robot | undefined {
        const [organization = "", shortName = ""] = username.split("+");
        return this.organizations.get(organization)?.robots.get(shortName);
    }

    /** True if a user owns the organization: the right to everything in it. */
    owns(username: string | undefined, { teams }: Organization): boolean {
        if (username === undefined) return false;
        return [...teams.values()].some(({ role, members }) => role === "admin" && members.has(username));
    }

    /** Repositories that an account has a right to, with their organization. */
    readable(username: string): string[] {
        return [...this.organizations.values()].flatMap((organization) =>
            [...organization.repositories.values()]
                .filter(({ users }) => users.has(username) || this.owns(username, organization))
                .map(({ name }) => `${organization.name}/${name}`),
        );
    }

    /** True for an account whose team may create repositories. */
    mayCreate(username: string, { teams }: Organization): boolean {
        return [...teams.values()].some(({ role, members }) => role !== "member" && members.has(username));
    }
}
