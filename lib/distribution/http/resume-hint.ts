/** The end of a fix where bytes were being sent; reading has nothing to resume. */
export function resumeHint(operation: string): string {
    return /^(?:GET|HEAD) /.test(operation) ? "" : "; the next run resumes from here";
}
