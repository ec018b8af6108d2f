import type { Credentials } from "../oci/auth";
import type { Wait } from "../oci/registry-client";
import type { RegistryEndpoint } from "../oci/transport";

/** The registries this program can stand on. */
export type RegistryKind = "distribution";

/** What a kind of registry can do; the graph is laid out by it, and what is missing is said. */
export interface RegistryCapabilities {
    /** Accounts for machines, made through an API. */
    readonly robotAccounts: boolean;
    /** An account that may pull but not push. */
    readonly separatesPushFromPull: boolean;
    /** Projects or organizations that must exist before a push. */
    readonly namespaces: boolean;
    /** What the kind leaves open, each with its cure, as sentences for the preview. */
    readonly gaps: readonly string[];
}

/** What was seen of a running registry. */
export interface RegistryHealth {
    /** Things to know that do not stop a run, each with its cure. */
    readonly notes: readonly string[];
}

export interface RegistryAccount {
    readonly endpoint: RegistryEndpoint;
    readonly credentials: Credentials;
    readonly retrySeconds: number;
    readonly signal?: AbortSignal;
    /** Told while the registry has to be asked again. */
    readonly onWait?: (wait: Wait) => void;
}

/** The administration side of one kind of registry. Content goes through the distribution API, not through this. */
export interface RegistryAdmin {
    readonly kind: RegistryKind;
    readonly capabilities: RegistryCapabilities;
    /**
     * Proves that the registry answers, speaks the distribution API over trusted TLS and takes the credentials.
     * @throws RegistryError that says which of these failed
     */
    check(account: RegistryAccount): Promise<RegistryHealth>;
}
