import { PassthroughError } from "../../lib/errors/errors";
import type { Content } from "../../lib/site";

/**
 * The set that one archive is of.
 * @param name of `--set`; undefined: the only one
 * @throws PassthroughError `CONFIG_INVALID` if the site does not have it, or has several and none is named
 */
export function selectSet(content: readonly Content[], name: string | undefined): Content {
    const [only, ...others] = content;
    const found =
        name === undefined ? (others.length === 0 ? only : undefined) : content.find((set) => set.name === name);
    if (found !== undefined) return found;
    const names = content.map((set) => set.name);
    const several = names.length === 0 ? "the stack's site.content lists no set" : "the site has several sets";
    throw new PassthroughError(name === undefined ? several : `the site has no set ${name}`, {
        code: "CONFIG_INVALID",
        fix:
            names.length === 0
                ? "list the set with its lock in site.content"
                : `name one with --set: ${names.join(", ")}`,
    });
}
