import { createHash } from "node:crypto";
import { stringify } from "yaml";
import { z } from "zod";
import { parseBoundedYamlDocuments } from "../../oci/bounded-yaml";

/** Objects for comparison and review: "<kind> [<namespace>/]<name>" -> YAML, sorted. */
export type ObjectList = Readonly<Record<string, string>>;

const named = z.looseObject({
    kind: z.string(),
    metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
    binaryData: z.record(z.string(), z.string()).optional(),
    spec: z.looseObject({ pinnedImages: z.array(z.unknown()).optional() }).optional(),
});

/**
 * Lists objects by kind and name. Binary data and pinned images are shown by their digest: nobody reviews the bytes of the
 * one, the content says what the others are, and both may be large.
 */
export function listObjects(objects: readonly object[]): ObjectList {
    const entries = objects.map((object): [string, string] => {
        const { kind, metadata, binaryData, spec } = named.parse(object);
        const place = metadata.namespace === undefined ? "" : `${metadata.namespace}/`;
        const shown = {
            ...object,
            ...(binaryData === undefined ? {} : { binaryData: describeBinaries(binaryData) }),
            ...(spec?.pinnedImages === undefined ? {} : { spec: { pinnedImages: describeList(spec.pinnedImages) } }),
        };
        return [`${kind} ${place}${metadata.name}`, stringify(shown, { lineWidth: 0 })];
    });
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function describeList(list: readonly unknown[]): string {
    return `(${list.length}, sha256 ${sha256(JSON.stringify(list))})`;
}

function describeBinaries(data: Readonly<Record<string, string>>): Record<string, string> {
    return Object.fromEntries(Object.entries(data).map(([key, base64]) => [key, `(base64, sha256 ${sha256(base64)})`]));
}

/** Enough of it to tell one from another. */
function sha256(text: string): string {
    return createHash("sha256").update(text).digest("hex").slice(0, 12);
}

/**
 * Lists the objects of a text of `formatObjects`.
 * @returns undefined for a text that is none
 */
export function readObjectList(yaml: string): ObjectList | undefined {
    try {
        return listObjects(parseBoundedYamlDocuments(yaml, Infinity) as object[]);
    } catch {
        return undefined;
    }
}
