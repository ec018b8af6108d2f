import { type ConfigKey, accountKeys, siteKeys } from "./key-documentation";

/**
 * How a key of `registry-passthrough:site` that does not exist is corrected: where a key of its name belongs, or the one
 * beside it that is written almost the same.
 * @param siblings names of the keys where it stands
 * @param section where that is, as `ConfigKey.key`; "" for the site itself
 */
export function unknownKeyFix(name: string, siblings: readonly string[], section: string): string {
    const flat = flatKey(name, section);
    if (flat !== undefined) return `it belongs beside site: ${flat.fix ?? flat.key}`;
    const all = `use one of: ${siblings.join(", ")}`;
    const beside = nearestName(name, siblings);
    if (beside !== undefined) return `write ${beside}, or ${all}`;
    const places = placesOf(name, section);
    return places.length === 0 ? all : `write it as ${places.join(" or ")}`;
}

/** How a flat key that does not exist is corrected. `names` are those that do. */
export function unknownFlatKeyFix(name: string, names: readonly string[]): string {
    const all = `use one of: ${names.join(", ")}`;
    const near = nearestName(name, names);
    if (near !== undefined) return `write ${near}, or ${all}`;
    const places = placesOf(name, "");
    return places.length === 0 ? all : `write it below registry-passthrough:site, as ${places.join(" or ")}`;
}

/** `registry.password` and `registryPassword` in the site are meant for the flat key. */
function flatKey(name: string, section: string): ConfigKey | undefined {
    const last = section.slice(section.lastIndexOf(".") + 1);
    const names = [name, `${last}${name.charAt(0).toUpperCase()}${name.slice(1)}`];
    return accountKeys().find(({ key }) => names.includes(key));
}

/** Where keys of this name are, with their prefix: `site.registry.adopt`. */
function placesOf(name: string, section: string): string[] {
    const wanted = name.toLowerCase();
    const found = siteKeys().filter(({ key }) => key.slice(key.lastIndexOf(".") + 1).toLowerCase() === wanted);
    // The keys of a cluster are there twice: those of the form that is used count.
    const other = section.startsWith("clusters") ? /^cluster(\.|$)/ : /^clusters\./;
    const own = found.filter(({ key }) => !other.test(key));
    return (own.length > 0 ? own : found).map(({ key }) => `site.${key}`);
}

/** The name that differs least, by case or by few letters; undefined if none is near. */
export function nearestName(name: string, names: readonly string[]): string | undefined {
    const most = Math.max(1, Math.floor(name.length / 4));
    const [nearest] = names
        .map((known) => ({ known, distance: editDistance(name.toLowerCase(), known.toLowerCase(), most) }))
        .filter(({ distance }) => distance <= most)
        .sort((a, b) => a.distance - b.distance);
    return nearest?.known;
}

/**
 * Letters that must be inserted, removed, replaced, or exchanged with their neighbour (optimal string alignment).
 * @param most texts whose lengths differ by more are not compared: Infinity
 */
function editDistance(from: string, to: string, most: number): number {
    if (Math.abs(from.length - to.length) > most) return Infinity;
    let [before, last]: [number[], number[]] = [[], Array.from({ length: to.length + 1 }, (_, at) => at)];
    for (let i = 1; i <= from.length; i++) {
        const row = [i];
        for (let j = 1; j <= to.length; j++) {
            const isSame = from[i - 1] === to[j - 1];
            const isSwapped = from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
            row[j] = Math.min(
                (row[j - 1] ?? 0) + 1,
                (last[j] ?? 0) + 1,
                (last[j - 1] ?? 0) + (isSame ? 0 : 1),
                isSwapped ? (before[j - 2] ?? 0) + 1 : Infinity,
            );
        }
        [before, last] = [last, row];
    }
    return last[to.length] ?? Infinity;
}
