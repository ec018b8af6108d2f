/** What is wanted of the namespace that all mirrored repositories live in: a project, an organization. */
export interface DesiredNamespace {
    /** `mirror` */
    readonly name: string;
    /** Bytes; absent: whatever the registry grants. */
    readonly quota?: number;
}

/** How much a namespace may hold before the registry refuses pushes, and how much it holds, in bytes. */
export interface Room {
    readonly limit: number;
    readonly used: number;
}

/** A namespace as it was found. */
export interface Namespace {
    /** What it is known by; another id under the same name is another namespace, without the robots of the first. */
    readonly id: string;
    /** What an update would put right, as sentences without times or counts: "public: true -> false". */
    readonly differences: readonly string[];
    /** What would lose or block images and this program does not change, each with its fix; no times or counts either. */
    readonly warnings: readonly string[];
    /** It has rules by which tags cannot be moved; false also if the account may not see them. */
    readonly hasImmutableTags: boolean;
    /** Absent: it has no limit, or the account may not see it. */
    readonly room?: Room;
    /**
     * Nothing in it, owned by the account that asks: what a create leaves whose response was lost. Taking it over
     * is safe, so it needs no permission to adopt.
     */
    readonly isUntouched: boolean;
}

/** Projects or organizations of a registry. */
export interface NamespaceAdmin {
    /** undefined only if the registry definitely says that it is not there. */
    read(desired: DesiredNamespace): Promise<Namespace | undefined>;
    /** Makes it, private. undefined: somebody else just did; read it again. */
    create(desired: DesiredNamespace): Promise<Namespace | undefined>;
    /** Puts right what `read` found different. */
    update(known: Pick<Namespace, "id">, desired: DesiredNamespace): Promise<Namespace>;
    /** Removes it if nothing is left in it, whatever the registry itself would do. @throws RegistryError if not empty */
    remove(known: Pick<Namespace, "id">, desired: DesiredNamespace): Promise<void>;
}
