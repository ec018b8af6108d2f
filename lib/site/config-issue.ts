import type { ErrorCode } from "../errors/codes";

/** Something in the configuration that stops the run. */
export interface ConfigIssue {
    /** `site.content[0].lock` */
    readonly key: string;
    readonly problem: string;
    /** As an imperative. */
    readonly fix: string;
    /** Of a lock file that cannot be used; absent: the configuration itself is wrong. */
    readonly code?: ErrorCode;
}
