/**
 * Merges the mirror lists that several objects give for one source, as openshift/runtime-utils does: each list's order
 * is kept where the lists allow it, the alphabet decides the rest. The source itself belongs to the end, where it is
 * left out since the container runtime goes there anyway; an object that puts it earlier keeps it.
 */
export function mergeMirrors(source: string, lists: readonly (readonly string[])[]): string[] {
    const before = new Map<string, Set<string>>();
    const filled = lists.filter((list) => list.length > 0);
    for (const list of filled.map((mirrors) => (mirrors.includes(source) ? mirrors : [...mirrors, source]))) {
        list.forEach((mirror, i) => {
            const predecessors = before.get(mirror) ?? new Set();
            const previous = list[i - 1];
            if (previous !== undefined) predecessors.add(previous);
            before.set(mirror, predecessors);
        });
    }
    const ordered = sortByPredecessors(before);
    return ordered.at(-1) === source ? ordered.slice(0, -1) : ordered;
}

function sortByPredecessors(before: ReadonlyMap<string, ReadonlySet<string>>): string[] {
    const waiting = [...before.keys()].sort();
    const ordered: string[] = [];
    while (waiting.length > 0) {
        const free = waiting.findIndex((mirror) => ![...(before.get(mirror) ?? [])].some((m) => waiting.includes(m)));
        // Lists that contradict each other leave nobody free: the first in the alphabet goes.
        ordered.push(...waiting.splice(Math.max(free, 0), 1));
    }
    return ordered;
}
