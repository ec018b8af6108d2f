import { type Plain, type PlainMap, isList, isPlainMap } from "./properties";
import { metadata } from "./state";

/** Whose fields an update takes over (await.go, fixCSAFieldManagers). */
const TAKEN_OVER: readonly (readonly [manager: string, operation: string])[] = [
    ["kubectl", "Apply"],
    ["kubectl", "Update"],
    ["before-first-apply", "Update"],
    ["pulumi-kubernetes", "Update"],
    ["pulumi-resource-kubernetes", "Update"],
];

/** @returns the new `metadata.managedFields`, undefined if there is nothing to take over */
export function takenOver(live: PlainMap, manager: string): Plain | undefined {
    const { managedFields } = metadata(live);
    const entries = isList(managedFields) ? managedFields.filter(isPlainMap) : [];
    const isTaken = (entry: PlainMap) =>
        entry.subresource === undefined &&
        TAKEN_OVER.some(([name, operation]) => entry.manager === name && entry.operation === operation);
    const taken = entries.filter(isTaken);
    const first = taken[0];
    if (first === undefined) return undefined;
    const isOwn = (entry: PlainMap) => entry.manager === manager && entry.operation === "Apply";
    const own = entries.find(isOwn) ?? first;
    const fields = [...entries.filter(isOwn), ...taken].reduce<Plain>((all, { fieldsV1 }) => union(all, fieldsV1), {});
    const others = entries.filter((entry) => !isTaken(entry) && !isOwn(entry));
    return [...others, { ...own, manager, operation: "Apply", fieldsV1: fields }];
}

/** Of two field sets: trees of keys. */
function union(one: Plain, other: Plain | undefined): Plain {
    if (!isPlainMap(one) || !isPlainMap(other)) return one;
    const added = Object.entries(other).map(([key, value]) => [key, union(one[key] ?? {}, value)] as const);
    return { ...one, ...Object.fromEntries(added) };
}
