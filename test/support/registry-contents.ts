import { existsSync, readdirSync, rmSync } from "node:fs";
import type { RegistryProcess } from "./registry-process";

/** What the registry behind a stand-in holds, by its storage: it has no API for removing a repository. */
export class Contents {
    constructor(private readonly registry: RegistryProcess) {}

    /** @param repository with its organization */
    tags(repository: string): string[] {
        const folder = this.registry.storage("repositories", repository, "_manifests", "tags");
        return existsSync(folder) ? readdirSync(folder) : [];
    }

    /** Digests of the manifests that a repository holds, tagged or not. */
    manifests(repository: string): string[] {
        const folder = this.registry.storage("repositories", repository, "_manifests", "revisions", "sha256");
        if (!existsSync(folder)) return [];
        return readdirSync(folder)
            .filter((hex) => existsSync(`${folder}/${hex}/link`))
            .map((hex) => `sha256:${hex}`);
    }

    /** The repositories of a project or organization, with its name, also those that are empty by now. */
    repositories(namespace: string): string[] {
        const folder = this.registry.storage("repositories", namespace);
        if (!existsSync(folder)) return [];
        return (readdirSync(folder, { recursive: true }) as string[])
            .filter((path) => path.endsWith("/_manifests"))
            .map((path) => `${namespace}/${path.slice(0, -"/_manifests".length)}`)
            .sort();
    }

    /** A repository, or a whole organization. */
    remove(name: string): void {
        rmSync(this.registry.storage("repositories", name), { recursive: true, force: true });
    }
}
