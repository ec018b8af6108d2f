import { z } from "zod";
import { RegistryError } from "../../errors/errors";
import { printable } from "../../errors/text";
import { isOutcomeUnknown, parseBody } from "../admin-client";
import type { DesiredNamespace, Namespace, NamespaceAdmin } from "../namespace-admin";
import type { JFrogClient } from "./client";
import { RepositoryContent } from "./content";
import { isProError, proError } from "./response";
import { AccessTokens } from "./tokens";

const BASE = "/artifactory/api/repositories";
const optional = <T>(schema: z.ZodType<T>) => schema.nullish();
const configuration = z.object({
    key: z.string(),
    rclass: z.string(),
    packageType: z.string(),
    description: optional(z.string()),
    dockerApiVersion: optional(z.string()),
    maxUniqueTags: optional(z.number()),
    dockerTagRetention: optional(z.number()),
    blackedOut: optional(z.boolean()),
    includesPattern: optional(z.string()),
    excludesPattern: optional(z.string()),
});
type Configuration = z.infer<typeof configuration>;
/** What every edition lists. */
const listedRepository = z.object({ key: z.string(), type: z.string(), packageType: z.string() });
type ListedRepository = z.infer<typeof listedRepository>;

/** What images need: nothing deletes tags, nothing keeps a path out. The defaults of Artifactory's own interface. */
const SETTINGS = {
    maxUniqueTags: 0,
    dockerTagRetention: 1,
    blackedOut: false,
    includesPattern: "**/*",
    excludesPattern: "",
} as const;
type Setting = keyof typeof SETTINGS;
const SETTING_NAMES = Object.keys(SETTINGS) as Setting[];

/** By it a repository is known again whose creation got no response. */
const DESCRIPTION = "Images of registry-passthrough";
const UNSEEN =
    "its settings cannot be read (this needs Artifactory Pro): check in Artifactory that it keeps all tags (Max Unique Tags 0, " +
    "Tag Retention 1) and excludes no path";

/**
 * Artifactory's local Docker repositories: one of them is the namespace of all images (repository path method,
 * `<host>/<repository key>/quay.io/org/app`). Artifactory knows them by their key only.
 */
export class JFrogRepositories implements NamespaceAdmin {
    private readonly content: RepositoryContent;
    private readonly tokens: AccessTokens;

    constructor(private readonly client: JFrogClient) {
        this.content = new RepositoryContent(client);
        this.tokens = new AccessTokens(client);
    }

    async read({ name }: DesiredNamespace): Promise<Namespace | undefined> {
        const found = await this.find(name);
        return found && this.describe(found);
    }

    async create(desired: DesiredNamespace): Promise<Namespace | undefined> {
        const { name } = desired;
        const json = {
            key: name,
            rclass: "local",
            packageType: "docker",
            dockerApiVersion: "V2",
            description: DESCRIPTION,
            ...SETTINGS,
        };
        try {
            await this.client.call({ method: "PUT", path: path(name), json, repeatable: false });
        } catch (error) {
            return this.afterFailure(error, desired);
        }
        return this.client.untilReadable(() => this.existing(desired));
    }

    async update(_known: Pick<Namespace, "id">, desired: DesiredNamespace): Promise<Namespace> {
        const before = await this.find(desired.name);
        const changes = before !== undefined && "rclass" in before ? differentSettings(before) : [];
        if (changes.length > 0) {
            const json = Object.fromEntries(changes.map((setting) => [setting, SETTINGS[setting]]));
            await this.client.call({ method: "POST", path: path(desired.name), json, repeatable: true });
        }
        const after = await this.existing(desired);
        if (after.differences.length === 0) return after;
        throw new RegistryError(`Artifactory did not change it: ${after.differences.join("; ")}`, {
            ...this.about(desired.name),
            code: "UNEXPECTED_RESPONSE",
            fix: "change it in Artifactory's own interface",
        });
    }

    async remove(_known: Pick<Namespace, "id">, { name }: DesiredNamespace): Promise<void> {
        const found = await this.findAnySpelling(name);
        // A key is unique whatever its case is: one of another spelling is not the repository of this stack.
        if (found?.key !== name) return;
        // Artifactory deletes a repository with all its content.
        await this.content.requireNoFiles(name);
        await this.client.call({ method: "DELETE", path: path(name) }, [404]);
    }

    /** @throws RegistryError `NAMESPACE_EXISTS` if the key exists in another spelling */
    private async find(name: string): Promise<Configuration | ListedRepository | undefined> {
        const found = await this.findAnySpelling(name);
        if (found !== undefined && found.key !== name) throw this.spellingError(name, found.key);
        return found;
    }

    /**
     * The repository's settings, or what the list of all repositories has of it where the edition shows no settings. One
     * that is missing has the status 400 or 404, so its absence is proven by that list.
     */
    private async findAnySpelling(name: string): Promise<Configuration | ListedRepository | undefined> {
        try {
            const response = await this.client.call({ method: "GET", path: path(name) }, [400, 404]);
            if (response.status < 300) return parseBody(response, configuration);
        } catch (error) {
            if (!isProError(error)) throw error;
            return this.findListed(name);
        }
        const found = await this.findListed(name);
        if (found === undefined || found.key !== name) return found;
        throw new RegistryError("Artifactory lists it and does not show its settings", {
            ...this.about(name),
            // Also for a moment after its creation.
            code: "NOT_FOUND",
            fix: "run again; if it stays so, look into Artifactory's log",
        });
    }

    /** Keys are unique whatever their case is. */
    private async findListed(name: string): Promise<ListedRepository | undefined> {
        const response = await this.client.call({ method: "GET", path: BASE });
        const all = parseBody(response, z.array(listedRepository));
        return all.find(({ key }) => key.toLowerCase() === name.toLowerCase());
    }

    private async describe(found: Configuration | ListedRepository): Promise<Namespace> {
        const isReadable = "rclass" in found;
        this.requireLocal(found);
        return {
            id: found.key,
            differences: isReadable
                ? differentSettings(found).map(
                      (setting) =>
                          `${setting}: ${printable(String(found[setting]))} -> ${String(SETTINGS[setting]) || "none"}`,
                  )
                : [],
            warnings: isReadable ? [] : [`repository ${found.key}: ${UNSEEN}`],
            hasImmutableTags: false,
            isUntouched: isReadable && found.description === DESCRIPTION && (await this.isUnused(found.key)),
        };
    }

    /** Artifactory pushes to local repositories and their federated members; others are remote or a view of several. */
    private requireLocal(found: Configuration | ListedRepository): void {
        const kind = ("rclass" in found ? found.rclass : found.type).toLowerCase();
        const packageType = found.packageType.toLowerCase();
        const about = this.about(found.key);
        const fix = "choose another repository key in site.registry.mirrorBase";
        if (kind === "remote") {
            const problem = "it is a remote repository (a proxy cache), which rejects every push";
            throw new RegistryError(problem, { ...about, code: "PROXY_CACHE_PROJECT", fix });
        }
        const version = "dockerApiVersion" in found ? found.dockerApiVersion : undefined;
        const isV2 = version === undefined || version === null || version.toUpperCase() === "V2";
        if (["local", "federated"].includes(kind) && packageType === "docker" && isV2) return;
        const what = `${kind} ${packageType} repository${isV2 ? "" : ` of Docker API ${printable(version)}`}`;
        throw new RegistryError(`it is a ${printable(what)}, and images need a local Docker repository (V2)`, {
            ...about,
            code: "INVALID_REQUEST",
            fix,
        });
    }

    /** What a PUT left whose response was lost, or that somebody else created it first (400, as for a missing license). */
    private async afterFailure(error: unknown, desired: DesiredNamespace): Promise<Namespace | undefined> {
        if (isProError(error)) throw this.createByHand(error, desired.name);
        if (isOutcomeUnknown(error)) {
            const created = await this.read(desired);
            if (created?.isUntouched === true) return created;
        } else if (error instanceof RegistryError && (error.status === 400 || error.status === 409)) {
            const found = await this.findListed(desired.name);
            if (found !== undefined && found.key !== desired.name) throw this.spellingError(desired.name, found.key);
            if (found !== undefined) return undefined;
        }
        throw error;
    }

    private spellingError(name: string, key: string): RegistryError {
        const existing = printable(key);
        return new RegistryError(
            `the key exists in another spelling: ${existing}; Artifactory's keys are unique whatever their case is`,
            {
                ...this.about(name),
                code: "NAMESPACE_EXISTS",
                fix:
                    "choose another repository key in site.registry.mirrorBase (names of images are lower-case, so " +
                    `${existing} itself cannot be used), or delete the repository ${existing} in Artifactory if it is not needed`,
            },
        );
    }

    private createByHand({ operation, status }: RegistryError, name: string): RegistryError {
        const context = { ...this.about(name), operation };
        return proError(
            { context, status: status ?? 400, headers: {}, text: "" },
            `create a local Docker repository with the key ${name} in Artifactory's interface and set site.registry.adopt: true, ` +
                "or activate a license of Artifactory Pro or higher",
        );
    }

    private async existing(desired: DesiredNamespace): Promise<Namespace> {
        const found = await this.read(desired);
        if (found !== undefined) return found;
        throw new RegistryError("it does not exist, or not any more", {
            ...this.about(desired.name),
            code: "NOT_FOUND",
            status: 404,
            fix: "`npm run up` refreshes first and creates it again",
        });
    }

    /** Nothing in it, and no robot account for it. */
    private async isUnused(key: string): Promise<boolean> {
        if (await this.content.hasItems(key)) return false;
        return !(await this.tokens.list()).some(({ username }) => username.startsWith(`${key}-`));
    }

    private about(name: string) {
        return { registry: this.client.host, thing: `repository ${name}` };
    }
}

/** Those that an update changes; what Artifactory does not show has its default. */
function differentSettings(found: Configuration): Setting[] {
    return SETTING_NAMES.filter((setting) => (found[setting] ?? SETTINGS[setting]) !== SETTINGS[setting]);
}

function path(key: string): string {
    return `${BASE}/${encodeURIComponent(key)}`;
}
