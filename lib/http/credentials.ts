/** An account with a password. */
export interface Credentials {
    readonly username: string;
    readonly password: string;
}

/** The value of an Authorization or Proxy-Authorization header for HTTP Basic (RFC 7617, UTF-8). */
export function basicAuthorization({ username, password }: Credentials): string {
    return `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`;
}
