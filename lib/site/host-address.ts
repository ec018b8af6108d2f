/** How a host is reached, without what is secret. */
export interface HostAddress {
    readonly address: string;
    readonly port: number;
    readonly user: string;
    readonly hostKey: string;
}
