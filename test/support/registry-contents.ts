import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import type { RegistryProcess } from "./registry-process";

/** A manifest as the registry has it. */
export interface StoredManifest {
    readonly mediaType: string;
    readonly children: readonly string[];
    readonly subject: string | undefined;
}

/** What the registry behind a stand-in holds, by its storage: it has no API for removing a repository. */
export class Contents {
    constructor(private readonly registry: RegistryProcess) {}

    /** @param repository with its organization */
    tags(repository: string): string[] {
        const folder = this.registry.storage("repositories", repository, "_manifests", "tags");
        return existsSync(folder) ? readdirSync(folder) : [];
    }

    /** The digest that a tag points to. */
    tagged(repository: string, tag: string): string {
        const folder = this.registry.storage("repositories", repository, "_manifests", "tags", tag);
        return readFileSync(`${folder}/current/link`, "utf8");
    }

    /** The tags that point to a manifest. */
    tagsOf(repository: string, digest: string): string[] {
        return this.tags(repository).filter((tag) => this.tagged(repository, tag) === digest);
    }

    removeTag(repository: string, tag: string): void {
        rmSync(this.registry.storage("repositories", repository, "_manifests", "tags", tag), { recursive: true });
    }

    /** The manifest is not in the repository any more; its tags go with it. */
    removeManifest(repository: string, digest: string): void {
        for (const tag of this.tagsOf(repository, digest)) this.removeTag(repository, tag);
        const hex = digest.slice("sha256:".length);
        const folder = this.registry.storage("repositories", repository, "_manifests", "revisions", "sha256", hex);
        rmSync(folder, { recursive: true, force: true });
    }

    manifest(digest: string): StoredManifest {
        const hex = digest.slice("sha256:".length);
        const bytes = readFileSync(this.registry.storage("blobs", "sha256", hex.slice(0, 2), hex, "data"), "utf8");
        const { mediaType, manifests, subject } = JSON.parse(bytes) as {
            mediaType?: string;
            manifests?: { digest: string }[];
            subject?: { digest: string };
        };
        const children = (manifests ?? []).map((child) => child.digest);
        return { mediaType: mediaType ?? "", children, subject: subject?.digest };
    }

    /** The indexes of a repository that a manifest is a child of. */
    parents(repository: string, digest: string): string[] {
        return this.manifests(repository).filter((one) => this.manifest(one).children.includes(digest));
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

    /** As a damaged disk does: the repository's manifests and tags stay, its blobs do not. */
    removeBlobs(repository: string): void {
        rmSync(this.registry.storage("repositories", repository, "_layers"), { recursive: true });
    }

    /** A repository, or a whole organization. */
    remove(name: string): void {
        rmSync(this.registry.storage("repositories", name), { recursive: true, force: true });
    }
}
