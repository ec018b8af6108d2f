/** The repositories that an import needs, and who may do what in them. */
export interface DesiredRepositories {
    readonly namespace: string;
    /** Names below the namespace, sorted: `quay.io/org/app`. */
    readonly names: readonly string[];
    /** User names of the robot accounts: the one that may push, and the one that may only pull. */
    readonly importer: string;
    readonly puller: string;
    /** User names of further robot accounts of the same stack, which no warning is about: successors of these two. */
    readonly successors?: readonly string[];
}

/** Repositories as they were found. */
export interface FoundRepositories {
    /** Names that the registry definitely does not have. */
    readonly missing: readonly string[];
    /** What an update would put right: "quay.io/org/app: public", "quay.io/org/app: somebody may push". */
    readonly differences: readonly string[];
    /** What this program does not change, each with its fix: "quay.io/org/app: mirror+other may push, too; …". */
    readonly warnings: readonly string[];
}

/** What a caller learns while repositories are created, also if that fails in the end. */
export interface RepositoryListeners {
    readonly onProgress?: (done: number, of: number) => void;
    /** A repository that did not exist is about to be created: the response may be lost. */
    readonly onCreate?: (name: string) => void;
}

/** Repositories that are made before anything is pushed to them. */
export interface RepositoryAdmin {
    read(desired: DesiredRepositories): Promise<FoundRepositories>;
    /**
     * Creates what is missing, private, and corrects the rights in what exists. Idempotent.
     * @returns the names that it created
     */
    ensure(desired: DesiredRepositories, listeners?: RepositoryListeners): Promise<readonly string[]>;
    /** Removes those that hold no tag; others stay, and those that are gone are fine. */
    remove(desired: Pick<DesiredRepositories, "namespace" | "names">): Promise<void>;
}
