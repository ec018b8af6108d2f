import { z } from "zod";
import type { JFrogClient } from "./client";
import { createOrFind } from "./response";

const BASE = "/access/api/v2/groups";
const group = z.object({
    name: z.string(),
    description: z.string().nullish(),
    auto_join: z.boolean().nullish(),
    admin_privileges: z.boolean().nullish(),
});
export type Group = z.infer<typeof group>;

/** Groups without members: they only give the tokens in their scope their rights. */
export class Groups {
    constructor(private readonly client: JFrogClient) {}

    async read(name: string): Promise<Group | undefined> {
        return this.client.get(path(name), group);
    }

    /** @returns one that exists by now instead; which status that has is not documented */
    async create(name: string, description: string): Promise<Group> {
        const json = { name, ...settings(description) };
        return createOrFind(
            async () => {
                await this.client.call({ method: "POST", path: BASE, json });
                return json;
            },
            () => this.read(name),
        );
    }

    async update(name: string, description: string): Promise<void> {
        const json = settings(description);
        await this.client.call({ method: "PATCH", path: path(name), json, repeatable: true });
    }

    async remove(name: string): Promise<void> {
        await this.client.call({ method: "DELETE", path: path(name) }, [404]);
    }
}

/** What an update would put right. */
export function groupDifferences(found: Group | undefined, name: string, description: string): string[] {
    if (found === undefined) return [`the group ${name} does not exist`];
    return [
        ...(found.admin_privileges === true ? [`the group ${name} has administrator's rights`] : []),
        ...(found.auto_join === true ? [`every new user joins the group ${name}`] : []),
        ...((found.description ?? "") === description ? [] : [`the description of the group ${name} is another one`]),
    ];
}

function settings(description: string) {
    return { description, auto_join: false, admin_privileges: false };
}

function path(name: string): string {
    return `${BASE}/${encodeURIComponent(name)}`;
}
