import type { RequestContext } from "../../errors/errors";

/** The end of a fix where something was being written; reading has nothing to resume. */
export function resumeHint({ method = "GET" }: RequestContext): string {
    return method === "GET" || method === "HEAD" ? "" : "; the next run resumes from here";
}
