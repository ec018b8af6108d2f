import { z } from "zod";
import { mapLimited } from "../../concurrency/limiter";
import { RegistryError } from "../../errors/errors";
import { listed } from "../../errors/text";
import { BY_NAME, type HarborClient } from "./client";
import type { Project } from "./project";

const repository = z.object({
    /** With the project: `mirror/quay.io/org/app`. */
    name: z.string(),
    /** Tagged or not. */
    artifact_count: z.number().default(0),
});

const AT_ONCE = 4;
const MAX_NAMED = 5;

/**
 * Removes the repositories of a project that hold nothing: Harbor keeps each after its last artifact, and deletes no
 * project that has one.
 * @throws RegistryError `NAMESPACE_NOT_EMPTY` before anything is removed, if a repository holds artifacts
 */
export async function removeEmptyRepositories(client: HarborClient, project: Project): Promise<void> {
    const base = `/projects/${project.name}/repositories`;
    const found = await client.list(base, "", repository);
    const full = found.filter(({ artifact_count }) => artifact_count > 0).map(({ name }) => name);
    if (full.length > 0) throw notEmpty(client.host, project, full);
    await mapLimited(found, AT_ONCE, async ({ name }) => {
        const path = `${base}/${repositoryPath(name.slice(project.name.length + 1))}`;
        await client.call({ method: "DELETE", path, headers: BY_NAME }, [404]);
    });
}

/** The name below the project as a path has it: encoded twice, since the proxy in front of Harbor decodes it once. */
export function repositoryPath(name: string): string {
    return encodeURIComponent(encodeURIComponent(name));
}

function notEmpty(host: string, { name, project_id }: Project, repositories: readonly string[]): RegistryError {
    const named = listed(repositories, MAX_NAMED);
    return new RegistryError(`it is not empty: ${repositories.length} of its repositories hold images (${named})`, {
        registry: host,
        operation: `DELETE /api/v2.0/projects/${project_id}`,
        thing: `project ${name}`,
        code: "NAMESPACE_NOT_EMPTY",
        fix: "remove the images if they are not needed, or set site.onRemove: keep",
    });
}
