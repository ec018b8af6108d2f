import { z } from "zod";
import { RegistryError } from "../../errors/errors";
import { isOutcomeUnknown } from "../admin-client";
import type { Namespace, NamespaceAdmin, DesiredNamespace, Room } from "../namespace-admin";
import { BY_NAME, type HarborClient } from "./client";
import { type Project, project } from "./project";
import { hasImmutableTags, projectWarnings } from "./project-warnings";
import { removeEmptyRepositories } from "./repositories";

const storage = z.object({ storage: z.number() });
/** The quota itself is the system administrator's to see; the summary of a project has it for the project's. */
const summary = z.object({ quota: z.object({ hard: storage, used: storage.partial().optional() }).optional() });
type Quota = z.infer<typeof summary>["quota"];

const quotas = z.array(z.object({ id: z.number().int() }));

const NOT_EMPTY = "remove what is left in it, or set site.onRemove: keep";

/** Harbor's projects. */
export class HarborProjects implements NamespaceAdmin {
    constructor(private readonly client: HarborClient) {}

    async read(desired: DesiredNamespace): Promise<Namespace | undefined> {
        const found = await this.find(desired.name);
        return found && this.describe(found, desired);
    }

    async create(desired: DesiredNamespace): Promise<Namespace | undefined> {
        const json = {
            project_name: desired.name,
            metadata: { public: "false", auto_scan: "false" },
            ...(desired.quota === undefined ? {} : { storage_limit: desired.quota }),
        };
        const fixes = {
            403:
                "this account may not create projects: let an administrator create it and set " +
                "site.registry.adopt: true, or use an account that may",
        };
        try {
            const response = await this.client.call({ method: "POST", path: "/projects", json }, [409], fixes);
            if (response.status === 409) return undefined;
        } catch (error) {
            // Whether it was made is seen by looking, not by asking again.
            const made = isOutcomeUnknown(error) ? await this.read(desired) : undefined;
            if (made?.isUntouched !== true) throw error;
            return made;
        }
        const made = await this.read(desired);
        if (made === undefined) {
            throw new RegistryError("it was created and does not exist any more", {
                ...this.about(desired.name),
                code: "NOT_FOUND",
                fix: "run again",
            });
        }
        // Who may not set a quota gets the server's default in silence.
        return made.differences.length === 0 ? made : this.update(made, desired);
    }

    async update(_known: Pick<Namespace, "id">, desired: DesiredNamespace): Promise<Namespace> {
        const before = await this.existing(desired);
        if (before.metadata.public === "true") {
            const json = { metadata: { public: "false" } };
            await this.client.call({ method: "PUT", path: `/projects/${before.project_id}`, json });
        }
        const [difference] = quotaDifference(await this.quota(before), desired);
        // Setting it needs more rights than seeing that it is right.
        if (desired.quota !== undefined && difference !== undefined) await this.setQuota(before, desired.quota);
        const after = await this.existing(desired);
        const described = await this.describe(after, desired);
        if (described.differences.length > 0) {
            throw new RegistryError(`Harbor did not change it: ${described.differences.join("; ")}`, {
                ...this.about(desired.name),
                code: "UNEXPECTED_RESPONSE",
                fix: "change it in Harbor's own interface",
            });
        }
        return described;
    }

    async remove({ id }: Pick<Namespace, "id">, desired: DesiredNamespace): Promise<void> {
        const found = await this.find(desired.name);
        // Another project of the same name is not the one that was made here.
        if (found === undefined || String(found.project_id) !== id) return;
        await removeEmptyRepositories(this.client, found);
        await this.client.call({ method: "DELETE", path: `/projects/${id}` }, [404], { 412: NOT_EMPTY });
    }

    /**
     * The project by its name. Only administrators get 404 for one that is not there; the others get 403 as for one that
     * they may not see, and ask whether the name is taken.
     */
    async find(name: string): Promise<Project | undefined> {
        const request = { method: "GET", path: `/projects/${name}`, headers: BY_NAME } as const;
        const found = await this.client.getOrStatus(request, project);
        if (found === 403) {
            if (!(await this.isTaken(name))) return undefined;
            throw new RegistryError(`the account ${this.client.username} may not see it`, {
                ...this.about(name),
                code: "DENIED",
                status: 403,
                fix: "make the account an administrator of the project, or choose another site.registry.mirrorBase",
            });
        }
        return found;
    }

    /** Whether there is a project of this name, also one that the account may not see. */
    private async isTaken(name: string): Promise<boolean> {
        const path = `/projects?project_name=${encodeURIComponent(name)}`;
        const head = await this.client.call({ method: "HEAD", path }, [404]);
        if (head.status !== 404) return true;
        // Without a body that 404 may be a gateway's: GET of the same path shows that it leads to Harbor.
        const list = await this.client.call({ method: "GET", path: `${path}&page_size=1` });
        this.client.read(list, z.array(z.unknown()));
        return false;
    }

    private async existing(desired: DesiredNamespace): Promise<Project> {
        const found = await this.find(desired.name);
        if (found !== undefined) return found;
        throw new RegistryError("it does not exist any more", {
            ...this.about(desired.name),
            code: "NOT_FOUND",
            status: 404,
            fix: "`npm run up` refreshes first and makes it again",
        });
    }

    private async describe(found: Project, desired: DesiredNamespace): Promise<Namespace> {
        if ((found.registry_id ?? 0) !== 0) {
            throw new RegistryError("it is a proxy cache, which rejects every push", {
                ...this.about(found.name),
                code: "PROXY_CACHE_PROJECT",
                fix: "choose another project in site.registry.mirrorBase",
            });
        }
        const quota = await this.quota(found);
        const differences = [
            ...(found.metadata.public === "true" ? ["public: true -> false"] : []),
            ...quotaDifference(quota, desired),
        ];
        const room = roomOf(quota);
        const isImmutable = await hasImmutableTags(this.client, found);
        return {
            id: String(found.project_id),
            differences,
            warnings: await projectWarnings(this.client, found, isImmutable),
            hasImmutableTags: isImmutable,
            ...(room === undefined ? {} : { room }),
            isUntouched: await this.isUntouched(found),
        };
    }

    private async quota({ name }: Project): Promise<Quota> {
        return (await this.client.getIfAllowed(`/projects/${name}/summary`, summary))?.quota;
    }

    private async setQuota({ project_id }: Project, storage: number): Promise<void> {
        const fixes = {
            403: "only a system administrator sets quotas: let one do it, or leave site.registry.quota out",
        };
        const path = `/quotas?reference=project&reference_id=${project_id}`;
        const response = await this.client.call({ method: "GET", path }, [], fixes);
        const [quota] = this.client.read(response, quotas);
        if (quota === undefined) return;
        await this.client.call({ method: "PUT", path: `/quotas/${quota.id}`, json: { hard: { storage } } }, [], fixes);
    }

    private about(name: string) {
        return { registry: this.client.host, thing: `project ${name}` };
    }

    private async isUntouched({ project_id, owner_name, repo_count }: Project): Promise<boolean> {
        if (repo_count > 0 || owner_name !== this.client.username) return false;
        const robots = await this.client.list("/robots", `Level=project,ProjectID=${project_id}`, z.looseObject({}));
        return robots.length === 0;
    }
}

function quotaDifference(seen: Quota, { quota }: DesiredNamespace): string[] {
    const limit = seen?.hard.storage;
    return quota === undefined || limit === undefined || limit === quota ? [] : [`quota: ${limit} -> ${quota} bytes`];
}

/** Without a quota its limit is -1. */
function roomOf(quota: Quota): Room | undefined {
    const used = quota?.used?.storage;
    return quota === undefined || used === undefined || quota.hard.storage < 0
        ? undefined
        : { limit: quota.hard.storage, used };
}
