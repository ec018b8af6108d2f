import { z } from "zod";
import type { QuayApi } from "./quay-api";

const listed = z.object({
    name: z.string(),
    teams: z.array(z.object({ name: z.string() })).default([]),
    repositories: z.array(z.string()).default([]),
});

/** A robot account in a list: its whole name, its teams and the repositories it has any right in. */
export type RobotMembership = z.infer<typeof listed>;

/** Every robot account of an organization, without secrets. */
export async function listRobots(api: QuayApi, organization: string): Promise<RobotMembership[]> {
    const path = `/api/v1/organization/${organization}/robots?permissions=true&token=false`;
    return (await api.read(path, z.object({ robots: z.array(listed) }))).robots;
}
