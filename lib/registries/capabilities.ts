/** What a kind of registry can do: the graph is laid out by it, configuration is held against it, gaps are said. */
export interface RegistryCapabilities {
    /** Accounts for machines, made through an API. */
    readonly robotAccounts: boolean;
    /** An account that may pull but not push. */
    readonly separatesPushFromPull: boolean;
    /** What must exist before a push, by the registry's own word; undefined if any name may be pushed to. */
    readonly namespaces: "project" | "organization" | "local repository" | undefined;
    /** What names a namespace may have; absent: letters and digits with single . _ - between them. */
    readonly namespaceRule?: { readonly pattern: RegExp; readonly text: string };
    /** Repositories are made before the push, so that the robot that pushes does not come to own them. */
    readonly repositoriesFirst: boolean;
    /** Repositories may have to be created by hand before the first push (ECR): which server it is, is not known. */
    readonly mayNeedRepositories: boolean;
    /** A robot account that pushes may remove images only with a right of its own. */
    readonly removalNeedsRight: boolean;
    /** Robot accounts end by themselves when their time is over. */
    readonly robotExpiry: boolean;
    /** A robot account's secret can be read again. */
    readonly secretReadable: boolean;
    /** A robot account can get a new secret under its name; absent: it cannot. */
    readonly secretRenewal?: {
        /** For how long clients go on with a token that they got for the old secret, which is rejected at once. */
        readonly tokenLife: string;
    };
    /** A namespace's storage can be limited. */
    readonly quota: boolean;
    /** Tags can be made immutable. */
    readonly immutability: boolean;
    /**
     * Indexes whose children are not all in the repository: refused by every version, accepted where `GET /v2/` says so, or
     * a matter of the registry's configuration that it does not show.
     */
    readonly sparseIndexes: "refused" | "announced" | "configured";
    /** Media types of layers that are rejected in Docker images (image manifest version 2, schema 2). */
    readonly rejectedDockerLayers?: readonly string[];
    /** Garbage collection may remove what was pushed by digest and has no tag. */
    readonly collectsUntagged: boolean;
    /** What the kind leaves open, each with its fix, as sentences for the first preview. */
    readonly gaps: readonly string[];
}
