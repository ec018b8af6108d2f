import { z } from "zod";

/** A project as Harbor's API gives it. */
export const project = z.object({
    project_id: z.number().int(),
    name: z.string(),
    owner_name: z.string().default(""),
    repo_count: z.number().default(0),
    registry_id: z.number().nullish(),
    metadata: z.record(z.string(), z.string()).default({}),
});

/** `metadata` has strings only. */
export type Project = z.infer<typeof project>;
