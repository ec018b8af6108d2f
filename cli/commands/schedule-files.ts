/** What both kinds of a schedule have. */
export interface Schedule {
    readonly stack: string;
    /** Of the units, the CronJob and its Secret. */
    readonly name: string;
    readonly hour: number;
    readonly minute: number;
    /** Plain values. */
    readonly variables: ReadonlyMap<string, string>;
    /** Variables that name a file with a secret -> that file on the host, or the key in the Secret. */
    readonly secretFiles: ReadonlyMap<string, string>;
}

/** File name -> content. */
export type ScheduleFiles = Readonly<Record<string, string>>;
