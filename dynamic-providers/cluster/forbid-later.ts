import { listed } from "../../lib/errors/text";

/** How many sources the line names. */
const MAX_NAMES = 5;

/**
 * What to run for sources whose upstream is forbidden only when every node has something.
 * @param behind nodes that lack it
 * @param needed "the rules"
 * @returns undefined if nothing is left to forbid
 */
export function forbidLaterLine(
    { forbidLater }: { readonly forbidLater: readonly string[] },
    behind: readonly string[],
    needed: string,
): string | undefined {
    if (forbidLater.length === 0) return undefined;
    const when = `${behind.length === 0 ? "now that" : "when"} every node has ${needed}`;
    return `run \`npm run up\` again ${when}: it forbids the upstream of ${listed(forbidLater, MAX_NAMES)}`;
}
