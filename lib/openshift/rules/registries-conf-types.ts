/** One `[[registry.mirror]]` (containers-registries.conf(5)). */
export interface RegistryMirror {
    readonly location: string;
    readonly "pull-from-mirror"?: "all" | "digest-only" | "tag-only" | undefined;
    readonly insecure?: boolean | undefined;
}

/** One `[[registry]]` (containers-registries.conf(5)). It has a prefix, a location, or both. */
export interface RegistryRule {
    readonly prefix?: string | undefined;
    readonly location?: string | undefined;
    readonly blocked?: boolean | undefined;
    readonly insecure?: boolean | undefined;
    readonly "mirror-by-digest-only"?: boolean | undefined;
    readonly mirror?: readonly RegistryMirror[] | undefined;
}

/** A registries.conf; the keys are those of the file. */
export interface RegistriesConf {
    readonly "unqualified-search-registries"?: readonly string[] | undefined;
    readonly registry?: readonly RegistryRule[] | undefined;
}
