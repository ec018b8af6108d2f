import { stringify } from "yaml";
import type { MirrorObject } from "./mirror-objects";

/**
 * The objects as one multi-document YAML text that `oc apply -f` takes: keys in the order people know, one document
 * per object, a newline at the end. No objects give an empty text.
 */
export function formatMirrorRules(objects: readonly MirrorObject[]): string {
    return objects.map((object) => stringify(object, { lineWidth: 0 })).join("---\n");
}
