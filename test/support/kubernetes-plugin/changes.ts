import { PropertyDiff } from "@pulumi/pulumi/proto/provider_pb";
import { type Plain, type PlainMap, isList, isPlainMap } from "./properties";

export type Path = readonly (string | number)[];

const { Kind } = PropertyDiff;
type ChangeKind = typeof Kind.ADD | typeof Kind.DELETE | typeof Kind.UPDATE;

export interface Change {
    readonly path: Path;
    readonly kind: ChangeKind;
}

/** What of `live` the inputs also name: fields that the cluster fills in are no drift (provider/util.go, pruneMap). */
export function pruned(live: PlainMap, inputs: PlainMap): PlainMap {
    const kept = Object.entries(live).filter(([key]) => inputs[key] !== undefined);
    return Object.fromEntries(kept.map(([key, value]) => [key, prunedValue(value, inputs[key] as Plain)]));
}

function prunedValue(live: Plain, input: Plain): Plain {
    if (isPlainMap(live) && isPlainMap(input)) return pruned(live, input);
    if (!isList(live) || !isList(input)) return live;
    return live.slice(0, input.length).map((element, index) => prunedValue(element, input[index] ?? null));
}

/**
 * The changes from the last known state of an object to the program's inputs, field by field and list element by list
 * element; an unknown input is a change (provider.go, inputPatch and convertPatchToDiff).
 */
export function findChanges(before: Plain | undefined, after: Plain | undefined, path: Path = []): Change[] {
    if (before === undefined) return after === undefined ? [] : [{ path, kind: Kind.ADD }];
    if (after === undefined) return [{ path, kind: Kind.DELETE }];
    if (isPlainMap(before) && isPlainMap(after)) {
        const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
        return keys.flatMap((key) => findChanges(before[key], after[key], [...path, key]));
    }
    if (isList(before) && isList(after)) {
        const indexes = Array.from({ length: Math.max(before.length, after.length) }, (_, index) => index);
        return indexes.flatMap((index) => findChanges(before[index], after[index], [...path, index]));
    }
    return before === after ? [] : [{ path, kind: Kind.UPDATE }];
}

/** The change as one for which the object is replaced. */
export function replacingKind(kind: ChangeKind): PropertyDiff.Kind {
    if (kind === Kind.ADD) return Kind.ADD_REPLACE;
    return kind === Kind.DELETE ? Kind.DELETE_REPLACE : Kind.UPDATE_REPLACE;
}

/** `spec.imageDigestMirrors[0].source`, `data["a.b"]`: as the engine reads paths. */
export function formatPath(path: Path): string {
    return path.reduce<string>((text, step) => {
        if (typeof step === "number") return `${text}[${step}]`;
        if (/[."[\]]/.test(step)) return `${text}["${step.replaceAll('"', '\\"')}"]`;
        return text === "" ? step : `${text}.${step}`;
    }, "");
}
