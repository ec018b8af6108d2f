import { lookup } from "node:dns/promises";

/** Codes of getaddrinfo(3) for a name that does not exist; with any other one nothing is known about it. */
const UNKNOWN_NAME = ["ENOTFOUND", "ENODATA"];

/** What this machine resolves names to; empty: it does not. A name of which that could not be found out is left out. */
export async function resolveHere(names: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
    const found = await Promise.all(names.map(async (name) => [name, await addressesOf(name)] as const));
    return new Map(found.flatMap(([name, addresses]) => (addresses === undefined ? [] : [[name, addresses] as const])));
}

async function addressesOf(name: string): Promise<readonly string[] | undefined> {
    try {
        return (await lookup(name, { all: true })).map(({ address }) => address);
    } catch (error) {
        return UNKNOWN_NAME.includes((error as NodeJS.ErrnoException).code ?? "") ? [] : undefined;
    }
}
