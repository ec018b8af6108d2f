/** The registry's account that requests are made with. */
export interface Credentials {
    readonly username: string;
    readonly password: string;
}
