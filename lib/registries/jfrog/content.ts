import { z } from "zod";
import { RegistryError } from "../../errors/errors";
import { counted, listed } from "../../errors/text";
import { OversizedResponseError, parseBody } from "../admin-client";
import type { JFrogClient } from "./client";

const topFolder = z.object({
    children: z
        .array(z.object({ uri: z.string(), folder: z.boolean().nullish() }))
        .nullish()
        .transform((found) => found ?? []),
});
const fileList = z.object({ files: z.array(z.object({ uri: z.string() })) });

const MAX_NAMED = 5;
const FIXES = {
    404:
        "run again; if it stays so, check that Artifactory shows the content of this repository to the account, and what " +
        "stands in front of Artifactory: it must pass /artifactory/api/storage/",
};

/** What is stored in repositories that exist (JFrog REST APIs, "Folder Info" and "File List"). */
export class RepositoryContent {
    constructor(private readonly client: JFrogClient) {}

    /** Whether there is a file or a folder, which may be empty, in it. @throws RegistryError if that cannot be found out */
    async hasItems(key: string): Promise<boolean> {
        return (await this.storage(key, "", topFolder)).children.length > 0;
    }

    /** @throws RegistryError `NAMESPACE_NOT_EMPTY` if a file is in it, another if that cannot be found out */
    async requireNoFiles(key: string): Promise<void> {
        const { children } = await this.storage(key, "", topFolder);
        const atTop = children.filter(({ folder }) => folder === false).map(({ uri }) => uri.replace(/^\//, ""));
        if (atTop.length > 0) throw this.notEmpty(key, `${counted(atTop.length, "file")} left at its top`, atTop);
        const files = await this.files(key);
        if (files === undefined) {
            const folders = children.map(({ uri }) => uri.replace(/^\//, ""));
            throw this.notEmpty(key, "the list of its files is too long to read", folders);
        }
        if (files.length === 0) return;
        const images = [...new Set(files.map((uri) => uri.replace(/^\//, "").replace(/\/[^/]*$/, "")))];
        throw this.notEmpty(key, `${counted(files.length, "file")} left`, images);
    }

    /** The paths of all files; undefined if there are too many to read. */
    private async files(key: string): Promise<string[] | undefined> {
        try {
            return (await this.storage(key, "?list&deep=1", fileList)).files.map(({ uri }) => uri);
        } catch (error) {
            if (error instanceof OversizedResponseError) return undefined;
            throw error;
        }
    }

    /** A 404 does not mean that a repository which exists is empty. */
    private async storage<T>(key: string, query: string, schema: z.ZodType<T>): Promise<T> {
        const request = {
            method: "GET",
            path: `/artifactory/api/storage/${encodeURIComponent(key)}/${query}`,
        } as const;
        return parseBody(await this.client.call(request, [], FIXES), schema);
    }

    private notEmpty(key: string, problem: string, names: readonly string[]): RegistryError {
        const named = names.length === 0 ? "" : ` (${listed(names, MAX_NAMED)})`;
        return new RegistryError(`it is not empty: ${problem}${named}`, {
            registry: this.client.host,
            thing: `repository ${key}`,
            operation: `DELETE /artifactory/api/repositories/${encodeURIComponent(key)}`,
            code: "NAMESPACE_NOT_EMPTY",
            fix: "remove the images if they are not needed, or set site.onRemove: keep",
        });
    }
}
