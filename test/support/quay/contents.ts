import { existsSync, readdirSync, rmSync } from "node:fs";
import type { RegistryProcess } from "../registry-process";

/** What the registry behind a fake Quay holds, by its storage: it has no API for removing a repository. */
export class Contents {
    constructor(private readonly registry: RegistryProcess) {}

    /** @param repository with its organization */
    tags(repository: string): string[] {
        const folder = this.registry.storage("repositories", repository, "_manifests", "tags");
        return existsSync(folder) ? readdirSync(folder) : [];
    }

    /** A repository, or a whole organization. */
    remove(name: string): void {
        rmSync(this.registry.storage("repositories", name), { recursive: true, force: true });
    }
}
