/**
 * Characters of the scopes of one token: a token names each of them, and proxies accept headers of 8 kB and URLs of about
 * as much.
 */
const MAX_CHARACTERS = 1500;

/**
 * Scopes that are asked for with one token, so that work in many repositories does not fetch a token for each of them
 * (distribution, "Token Scope": `scope` may be repeated). A scope whose shared token the registry rejected is asked for
 * alone from then on.
 */
export class ScopeGroups {
    private readonly groups = new Map<string, ReadonlySet<string>>();
    private readonly alone = new Set<string>();

    /**
     * @param requests the scopes of each request to come, `repository:<name>:<actions>`; the first of them is that of the
     * repository it is about
     */
    add(requests: readonly (readonly string[])[]): void {
        let group = new Set<string>();
        for (const scopes of requests) {
            const [own] = scopes;
            if (own === undefined || this.groups.has(own)) continue;
            const joined = new Set([...group, ...scopes]);
            if (characters(joined) > MAX_CHARACTERS) group = new Set();
            for (const scope of scopes) group.add(scope);
            this.groups.set(own, group);
        }
    }

    /** The scopes to ask for, so that the token serves for these ones: a group's, or just these. */
    find(scopes: readonly string[]): readonly string[] {
        const group = this.groups.get(scopes[0] ?? "");
        if (group === undefined || this.alone.has(scopes[0] ?? "")) return scopes;
        return scopes.every((scope) => isCovered(scope, group)) ? [...group] : scopes;
    }

    /** From now on these scopes are asked for alone. */
    separate(scopes: readonly string[]): void {
        if (scopes[0] !== undefined) this.alone.add(scopes[0]);
    }
}

function characters(scopes: ReadonlySet<string>): number {
    return [...scopes].reduce((sum, { length }) => sum + length, 0);
}

function isCovered(scope: string, group: ReadonlySet<string>): boolean {
    return group.has(scope) || group.has(scope.replace(/:pull$/, ":pull,push"));
}
