import { debug } from "../../debug/debug";
import type { Override } from "../../mirror/override";
import { PassthroughError } from "../../errors/errors";
import { printable } from "../../errors/text";
import { type Reference, canonicalRegistry, formatReference, hostProblem, parseReference } from "../../oci/reference";
import type { Origin } from "./origin";
import { NamePattern } from "../../mirror/name-pattern";

/** The overrides of a run, and which of them matched something. */
export class Overrides {
    readonly #rules: readonly { readonly override: Override; readonly pattern: NamePattern }[];
    readonly #used = new Set<Override>();

    /** @throws PassthroughError `OVERRIDE_INVALID` if a registry is not a host */
    constructor(overrides: readonly Override[]) {
        this.#rules = overrides.map((override) => {
            const registry = canonicalRegistry(override.registry);
            if (registry !== undefined)
                return { override: { ...override, registry }, pattern: new NamePattern(override.match) };
            const [what, fix = "write the upstream host, as quay.io"] = hostProblem(override.registry, "registry host");
            throw new PassthroughError(what, {
                code: "OVERRIDE_INVALID",
                thing: `override ${override.match}`,
                fix,
            });
        });
    }

    /**
     * The first override that matches one of the names of an image.
     * @param exact names that only a `match` of just this text means
     */
    find(names: readonly string[], exact: readonly string[] = []): Override | undefined {
        const found = this.#rules.find(
            ({ override, pattern }) => exact.includes(override.match) || names.some((name) => pattern.matches(name)),
        )?.override;
        if (found !== undefined) {
            this.#used.add(found);
            debug("archive", () => `override ${found.match} matches ${names.join(" or ")}`);
        }
        return found;
    }

    /** The first override whose `match` is exactly one of the names of an image. */
    findExact(names: readonly string[]): Override | undefined {
        const found = this.#rules.find(({ override }) => names.includes(override.match))?.override;
        if (found !== undefined) this.#used.add(found);
        return found;
    }

    /** `match` of each that has matched nothing so far. */
    unusedMatches(): string[] {
        return this.unused().map(({ match }) => match);
    }

    /** Those that matched nothing so far: most often a typing error. */
    unused(): readonly Override[] {
        return this.#rules.map(({ override }) => override).filter((override) => !this.#used.has(override));
    }
}

/** Where a name comes from that an override gives. */
export function overrideOrigin({ match }: Override): Origin {
    return { from: "override", where: match };
}

/** True for a `match` without wildcards: it means one name, or all tags of one repository, and cannot match another by accident. */
export function isExact({ match }: Override): boolean {
    return !/[*?]/.test(match);
}

/** The overrides that have no effect in any of several archives, by their `match`. */
export function unusedInAll(archives: readonly (readonly string[])[]): string[] {
    const [first = [], ...others] = archives;
    return first.filter((match) => others.every((unused) => unused.includes(match)));
}

/** The note for an override without effect, by its `match`. */
export function unusedNote(match: string): string {
    return `override ${printable(match)} was not needed or matches nothing`;
}

/** The note for an image that has a tag neither in its override nor in the archive. */
export function digestOnlyNote(reference: Reference): string {
    return `${formatReference(reference)} is known by its digest only: give its override a tag if it is pulled by one`;
}

/** The reference that an override gives. `suffix` is `:<tag>` or `@<digest>`. @throws PassthroughError */
export function overriddenReference(override: Override, repository: string, suffix: string): Reference {
    const tagged = override.tag === undefined ? suffix : `:${override.tag}`;
    return parseReference(`${override.registry}/${override.repository ?? repository}${tagged}`);
}
