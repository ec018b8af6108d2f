import { BlockList, isIP } from "node:net";
import { withoutBrackets } from "../../http/hostname";
import { isLoopback } from "../../http/loopback";

/**
 * Whether connections to a host go around a proxy of the environment, as the container tools decide it
 * (golang.org/x/net/http/httpproxy): entries separated by commas or spaces, each of them
 * - `*`: every host,
 * - an address, or addresses as CIDR: hosts that are written as an address,
 * - `example.com`: this host and all below it; `.example.com` or `*.example.com`: those below it only,
 * - any but CIDR with `:port`: on this port only.
 *
 * Loopback needs no entry.
 * @param host without port, an IPv6 address without brackets
 */
export function isExempt(host: string, port: number, noProxy: string): boolean {
    const name = host.toLowerCase().replace(/\.$/, "");
    if (isLoopback(isIP(name) === 6 ? `[${name}]` : name)) return true;
    const entries = noProxy.toLowerCase().split(/[\s,]+/);
    return entries.some((entry) => entry !== "" && matches(entry, name, port));
}

function matches(entry: string, name: string, port: number): boolean {
    if (entry === "*") return true;
    if (entry.includes("/")) return isInRange(entry, name);
    const [host, wanted] = splitPort(entry);
    if (wanted !== undefined && wanted !== port) return false;
    if (isIP(name) !== 0) return isIP(host) !== 0 && isInRange(`${host}/${isIP(host) === 4 ? 32 : 128}`, name);
    const domain = host.replace(/^\*/, "");
    return domain.startsWith(".")
        ? name.endsWith(domain) && name !== domain
        : name === domain || name.endsWith(`.${domain}`);
}

/** `host:port`; an IPv6 address has brackets if it has a port. */
function splitPort(entry: string): readonly [host: string, port: number | undefined] {
    if (isIP(entry) === 6) return [entry, undefined];
    const [, host = entry, port] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? [];
    return [withoutBrackets(host), port === undefined ? undefined : Number(port)];
}

function isInRange(range: string, address: string): boolean {
    const [network = "", bits = ""] = range.split("/");
    const family = isIP(network);
    if (family === 0 || isIP(address) !== family || !/^\d+$/.test(bits)) return false;
    if (Number(bits) > (family === 4 ? 32 : 128)) return false;
    const list = new BlockList();
    const type = family === 4 ? "ipv4" : "ipv6";
    list.addSubnet(network, Number(bits), type);
    return list.check(address, type);
}
