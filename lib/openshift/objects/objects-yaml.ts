import { stringify } from "yaml";

/**
 * Objects as one multi-document YAML text that `oc apply -f` takes: keys in the order people know, one document per
 * object, a newline at the end. No objects give an empty text.
 */
export function formatObjects(objects: readonly object[]): string {
    return objects.map((object) => stringify(object, { lineWidth: 0 })).join("---\n");
}
