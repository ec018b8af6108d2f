/** The `hostname` of a URL as sockets take it: an IPv6 address without its brackets. */
export function withoutBrackets(hostname: string): string {
    return hostname.replace(/^\[|\]$/g, "");
}

/** The name or address in `host[:port]`: an IPv6 address without its brackets. */
export function hostName(host: string): string {
    return withoutBrackets(new URL(`https://${host}`).hostname);
}
