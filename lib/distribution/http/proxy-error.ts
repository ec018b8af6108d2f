/** A proxy that does not let a connection through, as the connector finds it: becomes a RegistryError. */
export class ProxyError extends Error {
    readonly code: "PROXY_FAILED" | "PROXY_REJECTED" | "NETWORK" | "TIMEOUT";
    readonly fix: string;
    /** Of the proxy's response to CONNECT. */
    readonly status: number | undefined;

    /** @param problem what is wrong, with the proxy and the host that was asked for */
    constructor(
        readonly problem: string,
        facts: Pick<ProxyError, "code" | "fix"> & { readonly status?: number; readonly cause?: unknown },
    ) {
        super(problem, facts.cause === undefined ? undefined : { cause: facts.cause });
        this.name = new.target.name;
        this.code = facts.code;
        this.fix = facts.fix;
        this.status = facts.status;
    }
}
