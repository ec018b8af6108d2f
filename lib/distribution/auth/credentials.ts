/** The registry's account that requests are made with. */
export interface Credentials {
    readonly username: string;
    readonly password: string;
}

/** The value of an Authorization header for HTTP Basic (RFC 7617, UTF-8). */
export function basicAuthorization(credentials: Credentials): string {
    return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`, "utf8").toString("base64")}`;
}
