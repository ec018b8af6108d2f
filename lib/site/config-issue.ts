/** Something in the configuration that stops the run. */
export interface ConfigIssue {
    /** `site.content[0].lock` */
    readonly key: string;
    readonly problem: string;
    /** As an imperative. */
    readonly fix: string;
}
