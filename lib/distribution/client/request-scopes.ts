import { repositoryScope } from "../auth/challenge";

/** Scopes for reading a repository. */
export function pullScopes(repository: string): readonly string[] {
    return [repositoryScope(repository, "pull")];
}

/** Scopes for deleting in a repository. */
export function deleteScopes(repository: string): readonly string[] {
    return [repositoryScope(repository, "pull,push,delete")];
}

/** Scopes for writing to a repository, and for reading the one that a blob is mounted from. */
export function pushScopes(repository: string, mountFrom?: string): readonly string[] {
    const push = repositoryScope(repository, "pull,push");
    return mountFrom === undefined ? [push] : [push, repositoryScope(mountFrom, "pull")];
}
