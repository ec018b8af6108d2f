import type { ErrorCode } from "./codes";

/** A place in an archive: paths of its files, the entry of a tar, and the entry's first byte in the file. */
export interface ArchivePlace {
    readonly archive: string;
    readonly entry?: string | undefined;
    readonly offset?: number | undefined;
}

/** Where something is wrong. */
export type Place =
    /** `host[:port]` */
    | { readonly registry: string }
    /** URL of the API of a cluster: `https://api.lab.test:6443` */
    | { readonly cluster: string }
    /** `user@host:port` of a machine that is reached over SSH */
    | { readonly host: string }
    | ArchivePlace
    | { readonly file: string }
    /** `site.registry.mirrorBase` */
    | { readonly key: string };

/** What is wrong, as plain data; `lib/errors/format.ts` formats it. */
export interface Problem {
    /** Stable: callers and scripts test this, never a text. */
    readonly code: ErrorCode;
    /** What is wrong, without the place and the fix. */
    readonly problem: string;
    /** Problem and fix have several lines, and whatever is untrusted in them is escaped; absent: each is one line. */
    readonly isMultiline?: boolean | undefined;
    /** What the reader can do about it, as an imperative sentence without a full stop. */
    readonly fix?: string | undefined;
    /** The request: "PUT mirror/quay.io/org/app/manifests/1.2". */
    readonly operation?: string | undefined;
    /** The image, manifest, blob, robot account, … that it is about. */
    readonly thing?: string | undefined;
    readonly place?: Place | undefined;
    /** HTTP status; absent if there was no response. */
    readonly status?: number | undefined;
    /** The registry's own code, where this program does not have it. */
    readonly registryCode?: string | undefined;
    /** Seconds that the registry asks to wait (Retry-After). */
    readonly retryAfter?: number | undefined;
    /** The problems that this one sums up, by what has them. */
    readonly problems?: readonly NamedProblem[] | undefined;
}

/** A problem of one image or one part of an archive among many. */
export interface NamedProblem {
    /** Source reference, part name, user name. */
    readonly name: string;
    /** What the name is, for counts: "image". */
    readonly kind?: string | undefined;
    readonly problem: Problem;
}
