import { z } from "zod";
import { RegistryError } from "../../errors/errors";
import { isAnswerLost } from "../admin-client";
import type { Namespace, NamespaceAdmin, NamespaceWish } from "../namespace-admin";
import type { HarborClient } from "./client";
import { type Project, project } from "./project";
import { projectWarnings } from "./project-warnings";

const summary = z.object({ quota: z.object({ hard: z.object({ storage: z.number() }) }).optional() });
const quotas = z.array(z.object({ id: z.number().int() }));

/** Harbor's projects. */
export class HarborProjects implements NamespaceAdmin {
    constructor(private readonly client: HarborClient) {}

    async read(wish: NamespaceWish): Promise<Namespace | undefined> {
        const found = await this.find(wish.name);
        return found && this.describe(found, wish);
    }

    async create(wish: NamespaceWish): Promise<Namespace | undefined> {
        const json = {
            project_name: wish.name,
            metadata: { public: "false", auto_scan: "false" },
            ...(wish.quota === undefined ? {} : { storage_limit: wish.quota }),
        };
        const cures = {
            403:
                "this account may not create projects: let an administrator create it and set " +
                "site.registry.adopt: true, or use an account that may",
        };
        try {
            const answer = await this.client.call({ method: "POST", path: "/projects", json }, [409], cures);
            if (answer.status === 409) return undefined;
        } catch (error) {
            // Whether it was made is seen by looking, not by asking again.
            const made = isAnswerLost(error) ? await this.read(wish) : undefined;
            if (made?.isUntouched !== true) throw error;
            return made;
        }
        const made = await this.read(wish);
        if (made === undefined) {
            throw new RegistryError("POST /api/v2.0/projects", `${wish.name} was created and is gone again`, {
                code: "NOT_FOUND",
                cure: "run again",
            });
        }
        // Who may not set a quota gets the server's default in silence.
        return made.differences.length === 0 ? made : this.update(made, wish);
    }

    async update({ id }: Pick<Namespace, "id">, wish: NamespaceWish): Promise<Namespace> {
        const before = await this.existing(wish);
        if (before.metadata.public === "true") {
            const json = { metadata: { public: "false" } };
            await this.client.call({ method: "PUT", path: `/projects/${before.project_id}`, json });
        }
        const [difference] = await this.quotaDifference(before, wish);
        // Setting it needs more rights than seeing that it is right.
        if (wish.quota !== undefined && difference !== undefined) await this.setQuota(before, wish.quota);
        const after = await this.existing(wish);
        const described = await this.describe(after, wish);
        if (described.differences.length > 0) {
            throw new RegistryError(
                `PUT /api/v2.0/projects/${id}`,
                `Harbor kept: ${described.differences.join("; ")}`,
                {
                    code: "UNEXPECTED_ANSWER",
                    cure: "change it in Harbor's own interface",
                },
            );
        }
        return described;
    }

    async remove({ id }: Pick<Namespace, "id">, wish: NamespaceWish): Promise<void> {
        const found = await this.find(wish.name);
        // Another project of the same name is not the one that was made here.
        if (found === undefined || String(found.project_id) !== id) return;
        const cures = { 412: "remove the repositories that are left in it, or set site.onRemove: keep" };
        await this.client.call({ method: "DELETE", path: `/projects/${id}` }, [404], cures);
    }

    /**
     * The project by its name. Only administrators get 404 for one that is not there; the others get 403 as for one that
     * they may not see, and ask whether the name is taken.
     */
    async find(name: string): Promise<Project | undefined> {
        const request = {
            method: "GET",
            path: `/projects/${name}`,
            headers: { "x-is-resource-name": "true" },
        } as const;
        const found = await this.client.getOrStatus(request, project);
        if (found === 403) {
            const path = `/projects?project_name=${encodeURIComponent(name)}`;
            const head = await this.client.call({ method: "HEAD", path }, [404]);
            if (head.status === 404) return undefined;
            throw new RegistryError(`GET /api/v2.0/projects/${name}`, `${this.client.username} may not see it (403)`, {
                code: "DENIED",
                status: 403,
                cure: "make the account an administrator of the project, or choose another site.registry.mirrorBase",
            });
        }
        return found;
    }

    private async existing(wish: NamespaceWish): Promise<Project> {
        const found = await this.find(wish.name);
        if (found !== undefined) return found;
        throw new RegistryError(`GET /api/v2.0/projects/${wish.name}`, "the project is not there any more", {
            code: "NOT_FOUND",
            status: 404,
            cure: "`npm run up` refreshes first and makes it again",
        });
    }

    private async describe(found: Project, wish: NamespaceWish): Promise<Namespace> {
        if ((found.registry_id ?? 0) !== 0) {
            throw new RegistryError(`project ${found.name}`, "it is a proxy cache, which refuses every push", {
                code: "PROXY_CACHE",
                cure: "choose another project in site.registry.mirrorBase",
            });
        }
        const differences = [
            ...(found.metadata.public === "true" ? ["public: true -> false"] : []),
            ...(await this.quotaDifference(found, wish)),
        ];
        const warnings = await projectWarnings(this.client, found);
        return { id: String(found.project_id), differences, warnings, isUntouched: await this.isUntouched(found) };
    }

    private async quotaDifference({ name }: Project, { quota }: NamespaceWish): Promise<string[]> {
        if (quota === undefined) return [];
        // The quota itself is the system administrator's to see; the summary has it for the project's.
        const seen = await this.client.getIfAllowed(`/projects/${name}/summary`, summary);
        const storage = seen?.quota?.hard.storage;
        return storage === undefined || storage === quota ? [] : [`quota: ${storage} -> ${quota} bytes`];
    }

    private async setQuota({ project_id }: Project, storage: number): Promise<void> {
        const cures = {
            403: "only a system administrator sets quotas: let one do it, or leave site.registry.quota out",
        };
        const path = `/quotas?reference=project&reference_id=${project_id}`;
        const answer = await this.client.call({ method: "GET", path }, [], cures);
        const [quota] = this.client.read(answer, quotas);
        if (quota === undefined) return;
        await this.client.call({ method: "PUT", path: `/quotas/${quota.id}`, json: { hard: { storage } } }, [], cures);
    }

    private async isUntouched({ project_id, owner_name, repo_count }: Project): Promise<boolean> {
        if (repo_count > 0 || owner_name !== this.client.username) return false;
        const robots = await this.client.list("/robots", `Level=project,ProjectID=${project_id}`, z.looseObject({}));
        return robots.length === 0;
    }
}
