/**
 * True for hosts that never leave the machine: the only ones plain HTTP is allowed for. The host is read as a connection
 * reads it (WHATWG URL): `LOCALHOST` and `127.1` are loopback, `127.0.0.256` is no host, and `localhost.` may be looked
 * up in DNS.
 * @param host `host[:port]`, an IPv6 address in brackets
 */
export function isLoopback(host: string): boolean {
    const url = `http://${host}`;
    if (!URL.canParse(url)) return false;
    const { hostname } = new URL(url);
    return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
