import type { Credentials } from "../../http/credentials";
import { RegistryError } from "../../errors/errors";
import type { DesiredRobot, FoundRobot, ListedRobot, Robot, RobotAdmin } from "../robot-admin";
import type { JFrogClient } from "./client";
import { type Group, Groups, groupDifferences } from "./groups";
import { Permissions, isOnlyFor, permissionDifferences } from "./permissions";
import { type AccessToken, AccessTokens } from "./tokens";

type Named = Pick<DesiredRobot, "name" | "namespace">;

/** How descriptions of this program's robot accounts begin. */
const OWN = /^registry-passthrough /;

/**
 * Robot accounts of Artifactory: an access token of a user that does not exist otherwise, `mirror-importer-1`, with the rights
 * of a group and a permission of the same name.
 */
export class JFrogRobots implements RobotAdmin {
    private readonly tokens: AccessTokens;
    private readonly groups: Groups;
    private readonly permissions: Permissions;

    constructor(private readonly client: JFrogClient) {
        this.tokens = new AccessTokens(client);
        this.groups = new Groups(client);
        this.permissions = new Permissions(client);
    }

    async create(desired: DesiredRobot): Promise<{ robot: Robot; credentials: Credentials } | undefined> {
        const username = fullName(desired);
        if (!(await this.claim(username, desired))) return undefined;
        await this.permissions.ensure(username, desired);
        const { description, days } = desired;
        await this.tokens.revokeLeftOver({ username, description });
        const { id, secret } = await this.tokens.create({ username, group: username, description, days });
        const credentials = { username, password: secret };
        try {
            if (!(await this.client.takes(credentials))) throw this.rejectedError(username);
            return { robot: toRobot(await this.existing(id, username)), credentials };
        } catch (error) {
            // Nothing knows its secret any more, but it is valid until it expires.
            await this.client.discardToken(id);
            throw error;
        }
    }

    async isTaken(desired: DesiredRobot): Promise<boolean> {
        const username = fullName(desired);
        return this.isOfOthers(username, desired.description, await this.groups.read(username));
    }

    async read(known: Robot, desired: DesiredRobot, credentials: Credentials): Promise<FoundRobot | undefined> {
        const username = fullName(desired);
        const token = await this.tokens.read(known.id);
        const group = await this.groups.read(username);
        if (token === undefined) {
            // Revoked: only another token helps, and what is left of the account is removed with it.
            return group === undefined ? undefined : { robot: known, differences: [], isAccepted: false };
        }
        const differences = [
            ...groupDifferences(group, username, desired.description),
            ...permissionDifferences(await this.permissions.read(username), username, desired),
        ];
        // Whether a token is taken without its group or permission is not documented.
        const isAccepted = differences.length > 0 || (await this.client.takes(credentials));
        return { robot: toRobot(token), differences, isAccepted };
    }

    async exists(known: Robot): Promise<boolean> {
        return (await this.tokens.read(known.id)) !== undefined;
    }

    async list(namespace: string, wanted: (name: string) => boolean): Promise<readonly ListedRobot[]> {
        const start = `${namespace}-`;
        return (await this.tokens.list()).flatMap((token) => {
            const name = token.username.slice(start.length);
            if (!token.username.startsWith(start) || !wanted(name)) return [];
            return [{ name, description: token.description, robot: toRobot(token) }];
        });
    }

    /** The token's own lifetime cannot be changed: another one is another generation. */
    async update(known: Robot, desired: DesiredRobot): Promise<Robot> {
        const username = fullName(desired);
        const token = await this.existing(known.id, username);
        const { description } = desired;
        const group = (await this.groups.read(username)) ?? (await this.groups.create(username, description));
        await this.correctGroup(group, username, description);
        await this.permissions.ensure(username, desired);
        return toRobot(token);
    }

    async remove(known: Robot, named: Named): Promise<void> {
        const username = fullName(named);
        await this.tokens.revoke(known.id);
        // A stack that took the name since has a token of its own.
        const others = await this.tokens.listOfUser(username);
        if (others.some(({ id }) => id !== known.id)) return;
        const group = await this.groups.read(username);
        if (group !== undefined && !OWN.test(group.description ?? "")) return;
        const permission = await this.permissions.read(username);
        if (permission !== undefined && (group !== undefined || isOnlyFor(permission, username))) {
            await this.permissions.remove(username);
        }
        if (group !== undefined) await this.groups.remove(username);
    }

    /** Whether the name is this robot account's: its group has the description, by which half-done work is known again. */
    private async claim(username: string, desired: DesiredRobot): Promise<boolean> {
        const { description } = desired;
        const found = await this.groups.read(username);
        if (await this.isOfOthers(username, description, found)) return false;
        const group = found ?? (await this.groups.create(username, description));
        // Somebody else may have created it meanwhile.
        if ((group.description ?? "") !== description) return false;
        await this.correctGroup(group, username, description);
        return true;
    }

    /** Whether the name is somebody else's, by its group or, without one, by its permission. */
    private async isOfOthers(username: string, description: string, found: Group | undefined): Promise<boolean> {
        if (found !== undefined) return (found.description ?? "") !== description;
        return (await this.permissions.read(username)) !== undefined;
    }

    private async correctGroup(found: Group, username: string, description: string): Promise<void> {
        if (groupDifferences(found, username, description).length > 0) {
            await this.groups.update(username, description);
        }
    }

    private async existing(id: string, username: string): Promise<AccessToken> {
        const found = await this.tokens.read(id);
        if (found !== undefined) return found;
        throw new RegistryError("its access token does not exist any more", {
            registry: this.client.host,
            thing: `robot account ${username}`,
            code: "NOT_FOUND",
            status: 404,
            fix: "`npm run up` refreshes first and creates it again",
        });
    }

    private rejectedError(username: string): RegistryError {
        return new RegistryError("the registry rejected the new account", {
            registry: this.client.host,
            thing: `robot account ${username}`,
            code: "UNAUTHORIZED",
            status: 401,
            fix:
                "check the clock of Artifactory's machine, and that its Docker access method is Repository Path " +
                "(Administration, Artifactory, HTTP Settings); then run again",
        });
    }
}

/** The name of user, group and permission: all of one robot account. */
function fullName({ namespace, name }: Named): string {
    return `${namespace}-${name}`;
}

function toRobot({ id, username, createdAt, expiresAt }: AccessToken): Robot {
    return { id, username, createdAt, ...(expiresAt === undefined ? {} : { expiresAt }) };
}
