import type { Descriptor } from "../../../oci/manifest";
import { type Reference, formatReference, repositoryName } from "../../../oci/reference";
import type { NameProblem } from "../../naming/name-problem";
import { entryLabel, entryRefName, referenceSuffix } from "./entry-names";

/**
 * An entry that has no full name.
 * @param inFolder what its folders may say, if that is not one name
 * @param spellings what an override may call it
 */
export function withoutName(
    entry: Descriptor,
    inFolder: readonly Reference[],
    spellings: readonly string[],
): NameProblem {
    const name = entryRefName(entry);
    const what =
        name === undefined ? "it has no name" : `${JSON.stringify(name)} does not say which repository it is of`;
    return {
        name: entryLabel(entry),
        digest: entry.digest,
        what: `${what} (an override needs repository too)`,
        candidates: inFolder.map(formatReference),
        match: entryLabel(entry),
        spellings,
        needs: ["repository"],
        isTagless: referenceSuffix(entry).startsWith("@"),
        registries: inFolder.map(({ registry }) => registry),
    };
}

/** An entry with two full names. */
export function conflictingNames(
    entry: Descriptor,
    names: readonly Reference[],
    spellings: readonly string[],
): NameProblem {
    return {
        name: entryLabel(entry),
        digest: entry.digest,
        what: "its annotations give two names (an override needs repository too)",
        candidates: names.map(formatReference),
        match: entryLabel(entry),
        spellings,
        needs: ["repository", "tag"],
        registries: [...new Set(names.map(({ registry }) => registry))],
    };
}

/** An entry whose name gives another digest than its own, as podman writes them. */
export function changedImage(entry: Descriptor, written: Reference): NameProblem {
    const source = `${repositoryName(written)}@${written.digest ?? ""}`;
    return {
        name: entryLabel(entry),
        digest: entry.digest,
        what:
            `its name gives another digest, ${written.digest ?? ""}: the image was changed when it was copied ` +
            "(an override for the digest at hand needs a tag: the image is then known by that alone)",
        candidates: [],
        match: entry.digest,
        needs: ["tag"],
        registries: [written.registry],
        hint: `copy it unchanged: skopeo copy --all --preserve-digests docker://${source} oci-archive:<file>:${source}`,
    };
}
