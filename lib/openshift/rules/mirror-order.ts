/** A mirror location in the graph of preferences. */
interface Node {
    readonly location: string;
    /** Locations that some list has directly before it, and that are not in the result yet. */
    readonly before: Set<Node>;
    readonly after: Set<Node>;
    isPlaced: boolean;
}

/**
 * Merges the mirror lists that several objects have for one source, in the order of openshift/runtime-utils
 * (pkg/registries, topoGraph.Sorted): a queue of locations without predecessor, in alphabetical order at the start and
 * within each batch that a placed location releases. Lists that contradict each other are broken up at the first
 * location of the alphabet that is not placed. The source itself belongs to the end, where it is left out since the
 * container runtime asks it last anyway; a list that has it earlier keeps it.
 */
export function mergeMirrors(source: string, lists: readonly (readonly string[])[]): string[] {
    const nodes = new Map<string, Node>();
    for (const list of lists.filter(({ length }) => length > 0)) {
        addList(nodes, list.includes(source) ? list : [...list, source]);
    }
    const ordered = placeAll([...nodes.values()].sort(byLocation)).map(({ location }) => location);
    return ordered.at(-1) === source ? ordered.slice(0, -1) : ordered;
}

function addList(nodes: Map<string, Node>, list: readonly string[]): void {
    let previous: Node | undefined;
    for (const location of list) {
        const node = nodes.get(location) ?? { location, before: new Set(), after: new Set(), isPlaced: false };
        nodes.set(location, node);
        if (previous !== undefined) {
            previous.after.add(node);
            node.before.add(previous);
        }
        previous = node;
    }
}

function placeAll(sorted: readonly Node[]): Node[] {
    const queue = sorted.filter(({ before }) => before.size === 0);
    const unplaced = [...sorted];
    const placed: Node[] = [];
    for (let node = queue.shift() ?? unplaced.shift(); node !== undefined; node = queue.shift() ?? unplaced.shift()) {
        if (node.isPlaced) continue;
        node.isPlaced = true;
        placed.push(node);
        queue.push(...release(node));
    }
    return placed;
}

/** The locations that have no predecessor any more. */
function release(node: Node): Node[] {
    const released: Node[] = [];
    for (const next of node.after) {
        next.before.delete(node);
        if (next.before.size === 0 && !next.isPlaced) released.push(next);
    }
    return released.sort(byLocation);
}

function byLocation(a: Node, b: Node): number {
    return a.location < b.location ? -1 : 1;
}
