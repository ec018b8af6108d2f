import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { splitHost } from "../../lib/openshift/access/network-access";

/** Host and port that clients connect to. */
export type Address = ReturnType<typeof splitHost>;

export function addressOf(mirrorBase: string): Address {
    return splitHost(parseMirrorBase(mirrorBase).host, 443);
}

export function isSameAddress(one: Address, other: Address): boolean {
    return one.host === other.host && one.port === other.port;
}
