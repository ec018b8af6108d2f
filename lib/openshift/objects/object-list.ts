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
});

/** Lists objects by kind and name. Binary data is shown by its digest: nobody reviews its bytes, and it may be large. */
export function listObjects(objects: readonly object[]): ObjectList {
    const entries = objects.map((object): [string, string] => {
        const { kind, metadata, binaryData } = named.parse(object);
        const place = metadata.namespace === undefined ? "" : `${metadata.namespace}/`;
        const shown = binaryData === undefined ? object : { ...object, binaryData: describeBinaries(binaryData) };
        return [`${kind} ${place}${metadata.name}`, stringify(shown, { lineWidth: 0 })];
    });
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function describeBinaries(data: Readonly<Record<string, string>>): Record<string, string> {
    return Object.fromEntries(
        Object.entries(data).map(([key, base64]) => {
            const digest = createHash("sha256").update(base64).digest("hex");
            return [key, `(base64, sha256 ${digest.slice(0, 12)})`];
        }),
    );
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
