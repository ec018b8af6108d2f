import { isIP } from "node:net";

/** Addresses that a network uses: one range of IPv4 or IPv6. */
export interface AddressRange {
    /** Canonical, always with its length: `10.0.0.5/32`, `2001:db8::/64`. */
    readonly cidr: string;
    readonly family: 4 | 6;
    /** The first and the last address, as numbers. */
    readonly first: bigint;
    readonly last: bigint;
}

/** Why a text is no address range that a rule may name. */
export interface InvalidRange {
    readonly problem: string;
    /** As an imperative. */
    readonly fix: string;
}

/** Ranges that no other machine has as its address. */
const RESERVED: readonly (readonly [range: string, what: string])[] = [
    ["0.0.0.0/8", "not the address of a machine"],
    ["127.0.0.0/8", "on loopback, which is always admitted"],
    ["224.0.0.0/4", "multicast"],
    ["255.255.255.255/32", "the broadcast address"],
    ["::/128", "not the address of a machine"],
    ["::1/128", "on loopback, which is always admitted"],
    ["::ffff:0:0/96", "an IPv4 address in IPv6 notation: packets have it as IPv4"],
    ["ff00::/8", "multicast"],
];

const FIX = "write an address or a range, as in 10.0.0.5, 10.0.0.0/24 or 2001:db8::/64";

/**
 * Reads an address (`10.0.0.5`) or a range (`10.0.0.0/24`, `2001:db8::/64`, RFC 4632) whose host bits are zero. Host
 * names, all addresses (`/0`), loopback and multicast are invalid: firewalls would resolve the first once, and the others
 * restrict nothing.
 */
export function parseAddressRange(text: string): AddressRange | InvalidRange {
    const range = parseCidr(text);
    if ("problem" in range) return range;
    const reserved = RESERVED.find(([cidr]) => {
        const other = parseCidr(cidr);
        return "cidr" in other && isWithin(range, other);
    });
    return reserved === undefined ? range : { problem: `${text} is ${reserved[1]}`, fix: "leave it out" };
}

function parseCidr(text: string): AddressRange | InvalidRange {
    const [, address = "", length] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
    const family = address.includes("%") ? 0 : isIP(address);
    const bits = family === 4 ? 32 : 128;
    if ((family !== 4 && family !== 6) || Number(length ?? bits) > bits) {
        return { problem: `${JSON.stringify(text)} is neither an IP address nor a range of them`, fix: FIX };
    }
    if (Number(length) === 0) return { problem: `${text} has every address`, fix: "list the networks of the nodes" };
    return toRange(text, address, family, bits - Number(length ?? bits));
}

function toRange(text: string, address: string, family: 4 | 6, hostBits: number): AddressRange | InvalidRange {
    const value = toNumber(address, family);
    const size = 1n << BigInt(hostBits);
    const first = value - (value % size);
    const length = (family === 4 ? 32 : 128) - hostBits;
    const cidr = `${formatAddress(first, family)}/${length}`;
    if (first === value) return { cidr, family, first, last: first + size - 1n };
    return {
        problem: `${text} is an address inside of ${cidr}, not a range`,
        fix: `write ${cidr} for the range, or ${address} for the address alone`,
    };
}

function toNumber(address: string, family: 4 | 6): bigint {
    const join = (parts: readonly string[], base: 10 | 16): bigint =>
        parts.reduce((value, part) => value * (base === 10 ? 256n : 65536n) + BigInt(Number.parseInt(part, base)), 0n);
    if (family === 4) return join(address.split("."), 10);
    const [head = "", tail] = canonicalIpv6(address).split("::");
    const before = head === "" ? [] : head.split(":");
    const after = tail === undefined || tail === "" ? [] : tail.split(":");
    const zeros = Array.from({ length: 8 - before.length - after.length }, () => "0");
    return join([...before, ...zeros, ...after], 16);
}

/** RFC 5952, with an embedded IPv4 address in hexadecimal. */
function canonicalIpv6(address: string): string {
    return new URL(`http://[${address}]`).hostname.slice(1, -1);
}

function formatAddress(value: bigint, family: 4 | 6): string {
    const part = (at: number, width: bigint): bigint => (value >> (BigInt(at) * width)) & ((1n << width) - 1n);
    if (family === 4) return [3, 2, 1, 0].map((at) => part(at, 8n)).join(".");
    return canonicalIpv6([7, 6, 5, 4, 3, 2, 1, 0].map((at) => part(at, 16n).toString(16)).join(":"));
}

/** True if every address of `inner` is one of `outer`. */
function isWithin(inner: AddressRange, outer: AddressRange): boolean {
    return inner.family === outer.family && inner.first >= outer.first && inner.last <= outer.last;
}

/** The same addresses without ranges inside of others, by family and address: sets of a firewall may not overlap. */
export function distinctRanges(ranges: readonly AddressRange[]): AddressRange[] {
    const sorted = [...ranges].sort(
        (a, b) => a.family - b.family || Number(a.first > b.first) - Number(a.first < b.first),
    );
    return sorted.filter(
        (range, at) =>
            !sorted.some((other, i) => i !== at && isWithin(range, other) && (!isWithin(other, range) || i < at)),
    );
}
