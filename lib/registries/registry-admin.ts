import type { Credentials } from "../http/credentials";
import type { Wait } from "../distribution/client/registry-client";
import type { RegistryEndpoint } from "../distribution/http/transport";
import type { RegistryCapabilities } from "./capabilities";
import type { ContentListing } from "./content-listing";
import type { NamespaceAdmin } from "./namespace-admin";
import type { RepositoryAdmin } from "./repository-admin";
import type { RobotAdmin } from "./robot-admin";

/** The registries this program can stand on. */
export const REGISTRY_KINDS = ["distribution", "harbor", "quay", "mirror-registry", "jfrog"] as const;
export type RegistryKind = (typeof REGISTRY_KINDS)[number];

/** A token of the registry in place of a user name and a password: OAuth (Quay), or an access token (Artifactory). */
export interface OAuthToken {
    readonly token: string;
}

/** The account that structure and robot accounts are made with; images are never pushed or pulled with it. */
export type AdminCredentials = Credentials | OAuthToken;

/** One registry and an account of it, for one operation of the program. */
export interface RegistryAccount {
    readonly endpoint: RegistryEndpoint;
    readonly credentials: AdminCredentials;
    /** How long one request may keep failing before it gives up. */
    readonly retrySeconds: number;
    readonly signal?: AbortSignal;
    /** Told while the registry has to be asked again. */
    readonly onWait?: (wait: Wait) => void;
}

/** What was seen of a running registry. */
export interface RegistryHealth {
    /** "Harbor 2.14.1", if the registry reports it. */
    readonly version?: string;
    /** What is open or near its end but does not stop a run, each with its fix, as sentences. */
    readonly notes: readonly string[];
}

/** A superuser whose account does not exist yet: whoever takes the name first owns the registry. */
export interface SuperuserAdmin {
    readonly username: string;
    /** Takes the name with the password, or proves that it was taken with it. @throws RegistryError if it is another's */
    claim(account: RegistryAccount, password: string): Promise<void>;
    /** False only if the registry definitely says that no account has the name. */
    isTaken(account: RegistryAccount): Promise<boolean>;
}

/** The administration side of one kind of registry. Content goes through the distribution API, not through this. */
export interface RegistryAdmin {
    readonly kind: RegistryKind;
    readonly capabilities: RegistryCapabilities;
    /**
     * Proves that the registry answers, speaks its API over trusted TLS, is of a version that is known here, takes the
     * credentials and lets them administer; and looks at what it leaves open.
     * @param namespace where images will land: `mirror`
     * @throws RegistryError that says which of these failed
     */
    check(account: RegistryAccount, namespace: string): Promise<RegistryHealth>;
    /** The user name to push and pull with a token in place of a password; absent: the admin account cannot be a token. */
    tokenUsername?(token: string): string;
    /** A superuser's name that no account has on a fresh installation; present where there is such a thing. */
    readonly superuser?: SuperuserAdmin;
    /** Structure and robot accounts; absent where `capabilities.robotAccounts` is false. */
    manage?(account: RegistryAccount): RegistryManagement;
}

/**
 * An administration session, for one operation: nothing of it outlives `close`, no cookie and no token on disk.
 *
 * What all its parts promise: a definite "it is not there" is `undefined` (or tolerated, by a remove); everything that
 * is not an answer to the question throws a RegistryError, whose text holds no secret and no body of an answer that
 * could hold one. Requests that may be repeated blindly are; a create whose answer was lost is found again.
 */
export interface RegistryManagement {
    readonly namespaces: NamespaceAdmin;
    readonly robots: RobotAdmin;
    /** Present where `capabilities.repositoriesFirst`. */
    readonly repositories?: RepositoryAdmin;
    /** Present where the API lists tags with their digests. */
    readonly content?: ContentListing;
    close(): Promise<void>;
}
