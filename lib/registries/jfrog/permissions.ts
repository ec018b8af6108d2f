import { z } from "zod";
import { listed } from "../../errors/text";
import type { DesiredRobot } from "../robot-admin";
import type { JFrogClient } from "./client";
import { createOrFind } from "./response";

/** Since Artifactory 7.72.0. */
export const PERMISSIONS = "/access/api/v2/permissions";

const actionsByName = z
    .record(
        z.string(),
        z.array(z.string()).transform((actions) => actions.map((action) => action.toUpperCase())),
    )
    .nullish()
    .transform((found) => found ?? {});
const patterns = z
    .array(z.string())
    .nullish()
    .transform((found) => (found ?? []).filter((text) => text !== ""));
const resource = z.object({
    actions: z.object({ users: actionsByName, groups: actionsByName }).nullish(),
    targets: z
        .record(z.string(), z.object({ include_patterns: patterns, exclude_patterns: patterns }))
        .nullish()
        .transform((found) => found ?? {}),
});
const permission = z.object({ name: z.string(), resources: z.record(z.string(), resource.nullish()) });
export type Permission = z.infer<typeof permission>;

/** Moving a tag to another image needs the right that is called Delete/Overwrite. */
const ACTIONS = { pull: ["READ"], push: ["READ", "ANNOTATE", "WRITE", "DELETE"] } as const;
const MAX_NAMED = 5;

type Rights = Pick<DesiredRobot, "namespace" | "right">;

/** One permission for each robot account: its group's rights in the one repository. */
export class Permissions {
    constructor(private readonly client: JFrogClient) {}

    async read(name: string): Promise<Permission | undefined> {
        return this.client.get(path(name), permission);
    }

    /** Creates it or corrects what is in it; other kinds of resources are taken out of it. */
    async ensure(name: string, rights: Rights): Promise<void> {
        const found = (await this.read(name)) ?? (await this.create(name, rights));
        if (found === undefined) return;
        if (permissionDifferences(found, name, rights).length === 0) return;
        await this.client.call({ method: "PUT", path: `${path(name)}/artifact`, json: artifact(name, rights) });
        for (const type of foreignTypes(found)) {
            await this.client.call({ method: "DELETE", path: `${path(name)}/${encodeURIComponent(type)}` }, [404]);
        }
    }

    async remove(name: string): Promise<void> {
        await this.client.call({ method: "DELETE", path: path(name) }, [404]);
    }

    /** @returns one that exists by now instead; which status that has is not documented */
    private async create(name: string, rights: Rights): Promise<Permission | undefined> {
        const json = { name, resources: { artifact: artifact(name, rights) } };
        return createOrFind<Permission | undefined>(
            async () => {
                await this.client.call({ method: "POST", path: PERMISSIONS, json });
                return undefined;
            },
            () => this.read(name),
        );
    }
}

/** True if it is for the group of its own name, or nobody: it was created for a robot account. */
export function isOnlyFor({ resources }: Permission, name: string): boolean {
    return Object.values(resources).every((found) => {
        const { users = {}, groups = {} } = found?.actions ?? {};
        return [...Object.keys(users), ...Object.keys(groups)].every((principal) => principal === name);
    });
}

/** What an update would put right. */
export function permissionDifferences(
    found: Permission | undefined,
    name: string,
    { namespace, right }: Rights,
): string[] {
    if (found === undefined) return [`the permission ${name} does not exist`];
    const { artifact: rights } = found.resources;
    const { users = {}, groups = {} } = rights?.actions ?? {};
    const has = groups[name] ?? [];
    const wants: readonly string[] = ACTIONS[right];
    const more = has.filter((action) => !wants.includes(action)).sort();
    const less = wants.filter((action) => !has.includes(action));
    const others = [...Object.keys(users), ...Object.keys(groups).filter((group) => group !== name)].sort();
    const types = foreignTypes(found);
    return [
        ...(more.length > 0 ? [`it may also ${more.join(", ")} in ${namespace}`] : []),
        ...(less.length > 0 ? [`it may not ${less.join(", ")} in ${namespace}`] : []),
        ...(others.length > 0 ? [`the permission ${name} is also for ${listed(others, MAX_NAMED)}`] : []),
        ...targetDifferences(rights?.targets ?? {}, namespace),
        ...(types.length > 0 ? [`the permission ${name} is also about ${listed(types, MAX_NAMED)}`] : []),
    ];
}

function targetDifferences(
    targets: NonNullable<Permission["resources"][string]>["targets"],
    namespace: string,
): string[] {
    const others = Object.keys(targets).filter((key) => key !== namespace);
    const own = targets[namespace];
    const isWhole = own !== undefined && own.include_patterns.includes("**") && own.exclude_patterns.length === 0;
    return [
        ...(others.length > 0 ? [`its rights are also for ${listed(others.sort(), MAX_NAMED)}`] : []),
        ...(isWhole ? [] : [`its rights are not for all of ${namespace}`]),
    ];
}

function foreignTypes({ resources }: Permission): string[] {
    return Object.entries(resources).flatMap(([type, found]) => {
        const isEmpty = found === null || found === undefined || Object.keys(found.targets).length === 0;
        return type === "artifact" || isEmpty ? [] : [type];
    });
}

function artifact(group: string, { namespace, right }: Rights) {
    return {
        actions: { users: {}, groups: { [group]: ACTIONS[right] } },
        targets: { [namespace]: { include_patterns: ["**"], exclude_patterns: [] } },
    };
}

function path(name: string): string {
    return `${PERMISSIONS}/${encodeURIComponent(name)}`;
}
