import { randomBytes } from "node:crypto";
import { z } from "zod";
import type { Credentials } from "../../http/credentials";
import { RegistryError } from "../../errors/errors";
import { isOutcomeUnknown } from "../admin-client";
import type {
    DesiredRobot,
    FoundRobot,
    ListedRobot,
    Robot,
    RobotAdmin,
    RobotLogin,
    SecretRenewal,
} from "../robot-admin";
import type { HarborClient } from "./client";
import type { HarborProjects } from "./projects";

const access = z.object({ resource: z.string(), action: z.string(), effect: z.string().optional() });
const harborRobot = z.object({
    id: z.number().int(),
    name: z.string(),
    description: z.string().default(""),
    level: z.string().default("project"),
    disable: z.boolean().default(false),
    editable: z.boolean().default(true),
    /** Days; -1 for ever. */
    duration: z.number().int().optional(),
    /** Seconds since the epoch; -1 never. */
    expires_at: z.number().default(-1),
    creation_time: z.string(),
    permissions: z.array(z.object({ kind: z.string(), namespace: z.string(), access: z.array(access) })).default([]),
});
type HarborRobot = z.infer<typeof harborRobot>;

const created = z.object({ id: z.number().int(), name: z.string(), secret: z.string().min(1) });

/** So long Harbor lets a robot account live that is given no end. */
const FOR_EVER = -1;
const CREATE_FIXES = {
    400: "Harbor 2.8 or newer is needed; newer ones list what a robot account may hold under /api/v2.0/permissions",
    403: "the account must be an administrator of the project, or a robot account with the rights in docs/registries.md",
    404: "the project is gone: `npm run up` refreshes first and makes it again",
};
const ROBOTS_CANNOT =
    "a robot account cannot change others: run once with a user who administers the project, or remove the robot " +
    "account in Harbor, so that the next `npm run up` makes it anew";
/** Harbor, src/common/rbac/const.go: there is no `robot:update` that a robot account could hold. */
const RENEWAL_FIX =
    "set registryUsername and registryPassword to a user who administers the project, or leave out " +
    "site.robots.rotation: in-place";

/** Harbor's robot accounts of a project: `robot$<project>+<name>`. */
export class HarborRobots implements RobotAdmin {
    constructor(
        private readonly client: HarborClient,
        private readonly projects: HarborProjects,
    ) {}

    async create(desired: DesiredRobot): Promise<RobotLogin | undefined> {
        const made = await this.post(desired);
        if (made === "taken") {
            const found = await this.find(desired);
            return found !== undefined && found.description === desired.description
                ? this.takeOver(found, desired)
                : undefined;
        }
        return this.proven(made.id, { username: made.name, password: made.secret });
    }

    async isTaken(desired: DesiredRobot): Promise<boolean> {
        const found = await this.find(desired);
        return found !== undefined && found.description !== desired.description;
    }

    async read(known: Robot, desired: DesiredRobot, credentials: Credentials): Promise<FoundRobot | undefined> {
        const found = await this.client.get(`/robots/${known.id}`, harborRobot);
        if (found === undefined) return undefined;
        const isAccepted = isSwitchedOff(found, desired) || (await this.client.takes(credentials));
        return { robot: toRobot(found), differences: robotDifferences(found, desired), isAccepted };
    }

    async exists(known: Robot): Promise<boolean> {
        return (await this.client.get(`/robots/${known.id}`, harborRobot)) !== undefined;
    }

    async list(namespace: string, wanted: (name: string) => boolean): Promise<readonly ListedRobot[]> {
        return (await this.projectRobots(namespace)).flatMap((robot) => {
            const name = shortName(robot.name, namespace);
            return wanted(name) ? [{ name, description: robot.description, robot: toRobot(robot) }] : [];
        });
    }

    async update(known: Robot, desired: DesiredRobot): Promise<Robot> {
        const found = await this.existing(known.id);
        const { id, name, level, editable } = found;
        const json = {
            ...{ id, name, level, editable, disable: found.disable && desired.staysDisabled === true },
            description: desired.description,
            duration: desired.days ?? FOR_EVER,
            permissions: desiredPermissions(desired),
        };
        await this.client.call({ method: "PUT", path: `/robots/${id}`, json }, [], { 403: ROBOTS_CANNOT });
        return toRobot(await this.existing(known.id));
    }

    readonly renewal: SecretRenewal = {
        refusal: () => this.renewalRefusal(),
        renew: async (known, desired) => {
            const refusal = await this.renewalRefusal();
            if (refusal !== undefined) throw refusal;
            return this.giveSecret(await this.existing(known.id), desired);
        },
    };

    async remove(known: Robot): Promise<void> {
        await this.client.call({ method: "DELETE", path: `/robots/${known.id}` }, [404]);
    }

    /** "taken" too if the answer was lost and a robot account of this name is there now. */
    private async post(desired: DesiredRobot): Promise<z.infer<typeof created> | "taken"> {
        const json = {
            name: desired.name,
            description: desired.description,
            level: "project",
            duration: desired.days ?? FOR_EVER,
            permissions: desiredPermissions(desired),
        };
        try {
            const response = await this.client.call({ method: "POST", path: "/robots", json }, [409], CREATE_FIXES);
            return response.status === 409 ? "taken" : this.client.read(response, created);
        } catch (error) {
            if (isOutcomeUnknown(error) && (await this.find(desired)) !== undefined) return "taken";
            throw error;
        }
    }

    /**
     * Gives a robot account that a lost answer left behind a secret that is known here. Harbor lets users set one; a
     * managing robot can only remove the account and make it again.
     */
    private async takeOver(found: HarborRobot, desired: DesiredRobot): Promise<RobotLogin> {
        if ((await this.client.whoAmI()).isRobot) {
            await this.remove(toRobot(found));
            const made = await this.post(desired);
            if (made === "taken") throw this.unstable(desired);
            return this.proven(made.id, { username: made.name, password: made.secret });
        }
        const { credentials } = await this.giveSecret(found, desired);
        return this.proven(found.id, credentials);
    }

    /** Harbor does not extend an account by a new secret: its lifetime is put right before. */
    private async giveSecret(found: HarborRobot, desired: DesiredRobot): Promise<RobotLogin> {
        const isDifferent = robotDifferences(found, desired).length > 0;
        const robot = isDifferent ? await this.update(toRobot(found), desired) : toRobot(found);
        const secret = generateSecret();
        const request = {
            method: "PATCH",
            path: `/robots/${found.id}`,
            json: { secret },
            // The same secret again changes nothing.
            repeatable: true,
        } as const;
        await this.client.call(request, [], { 403: RENEWAL_FIX });
        return { robot, credentials: { username: found.name, password: secret } };
    }

    private async renewalRefusal(): Promise<RegistryError | undefined> {
        if (!(await this.client.whoAmI()).isRobot) return undefined;
        return new RegistryError("a robot account of Harbor cannot change the secret of another one", {
            registry: this.client.host,
            thing: `account ${this.client.username}`,
            code: "DENIED",
            status: 403,
            fix: RENEWAL_FIX,
        });
    }

    private async proven(id: number, credentials: Credentials): Promise<RobotLogin> {
        const robot = toRobot(await this.existing(String(id)));
        if (await this.client.takes(credentials)) return { robot, credentials };
        throw new RegistryError("the registry rejected the new account", {
            registry: this.client.host,
            thing: `robot account ${robot.username}`,
            code: "UNAUTHORIZED",
            status: 401,
            fix: "check the clock of the registry's machine, and run again",
        });
    }

    /** By its exact stored name: `q` alone proves nothing. */
    private async find({
        name,
        namespace,
    }: Pick<DesiredRobot, "name" | "namespace">): Promise<HarborRobot | undefined> {
        return (await this.projectRobots(namespace)).find((robot) => shortName(robot.name, namespace) === name);
    }

    private async projectRobots(namespace: string): Promise<HarborRobot[]> {
        const project = await this.projects.find(namespace);
        if (project === undefined) return [];
        const q = `Level=project,ProjectID=${project.project_id}`;
        const robots = await this.client.list("/robots", q, harborRobot);
        return robots.filter(({ level, name }) => level === "project" && name.includes(`${namespace}+`));
    }

    private async existing(id: string): Promise<HarborRobot> {
        const found = await this.client.get(`/robots/${id}`, harborRobot);
        if (found !== undefined) return found;
        throw new RegistryError("it does not exist any more", {
            registry: this.client.host,
            thing: `robot account ${id}`,
            code: "NOT_FOUND",
            status: 404,
            fix: "`npm run up` refreshes first and makes it again",
        });
    }

    private unstable({ name }: DesiredRobot): RegistryError {
        return new RegistryError("something else creates it at this moment", {
            registry: this.client.host,
            thing: `robot account ${name}`,
            code: "CONFLICT",
            status: 409,
            fix: "run again",
        });
    }
}

/** `puller-1` of `robot$mirror+puller-1`; the prefix is the administrator's to choose. */
function shortName(fullName: string, namespace: string): string {
    const start = `${namespace}+`;
    return fullName.slice(fullName.lastIndexOf(start) + start.length);
}

function toRobot({ id, name, creation_time, expires_at }: HarborRobot): Robot {
    return {
        id: String(id),
        username: name,
        createdAt: new Date(creation_time).toISOString(),
        ...(expires_at > 0 ? { expiresAt: new Date(expires_at * 1000).toISOString() } : {}),
    };
}

/** No `effect` anywhere: Harbor compares it as text. `/v2/` asks for `repository:delete` to delete a manifest. */
function desiredPermissions({ namespace, right, removes = false }: DesiredRobot) {
    const actions = ["pull", ...(right === "push" ? ["push"] : []), ...(removes ? ["delete"] : [])];
    return [{ kind: "project", namespace, access: actions.map((action) => ({ resource: "repository", action })) }];
}

/**
 * True for an account that is rejected whatever its secret is, until an update enables it or moves its end: disabled, or
 * expired because somebody gave it fewer days. Rights do not matter: `/v2/` greets an account that may not pull.
 */
function isSwitchedOff({ disable, expires_at, duration }: HarborRobot, { days, leastDays }: DesiredRobot): boolean {
    const isShortened = duration !== undefined && duration !== FOR_EVER && duration < (leastDays ?? days ?? 0);
    return disable || (isShortened && expires_at > 0 && expires_at * 1000 <= Date.now());
}

function robotDifferences(found: HarborRobot, desired: DesiredRobot): string[] {
    const rights = (permissions: HarborRobot["permissions"]) =>
        permissions.flatMap(({ namespace, access: pairs }) =>
            pairs.map(({ resource, action, effect }) => {
                const denied = effect === undefined || effect === "" || effect === "allow" ? "" : ` (${effect})`;
                return `${resource}:${action} in ${namespace}${denied}`;
            }),
        );
    const has = rights(found.permissions);
    const wants = rights(desiredPermissions(desired));
    const more = has.filter((right) => !wants.includes(right)).sort();
    const less = wants.filter((right) => !has.includes(right));
    const days = desired.days ?? FOR_EVER;
    const { duration = days } = found;
    const isLongEnough = duration >= (desired.leastDays ?? days);
    const isAsLeft = toRobot(found).expiresAt === desired.until && desired.until !== undefined;
    const isInTime = duration === days || (isLongEnough && (duration < days || isAsLeft));
    return [
        ...(found.disable ? ["it is disabled"] : []),
        ...(more.length > 0 ? [`it may also ${more.join(", ")}`] : []),
        ...(less.length > 0 ? [`it may not ${less.join(", ")}`] : []),
        ...(isInTime ? [] : [`duration: ${duration} -> ${days} days`]),
        ...(found.description === desired.description ? [] : ["its description is another one"]),
    ];
}

/** 8 to 128 characters with an upper-case letter, a lower-case letter and a digit, whatever the random bytes are. */
function generateSecret(): string {
    return `${randomBytes(30).toString("base64url")}aA1`;
}
