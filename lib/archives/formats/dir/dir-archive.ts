import { basename } from "node:path";
import { computeDigest } from "../../../oci/digest";
import { ArchiveError } from "../../../errors/errors";
import { MAX_MANIFEST_BYTES, parseManifest } from "../../../oci/manifest";
import { type Reference, formatReference } from "../../../oci/reference";
import type { Archive, ArchiveContents } from "../../archive";
import { type FileTree, blobsNamed, readTreeFile, treeSource } from "../../files/file-tree";
import { folderReferences } from "../../naming/folder-name";
import { ImageNames } from "../../naming/image-names";
import type { Override } from "../../../mirror/override";
import { Overrides, digestOnlyNote, overriddenReference, overrideOrigin } from "../../naming/override";
import { ruleOn } from "../../naming/override-rule";

const VERSION = /^Directory Transport Version: 1\./;
const HINT = "copy with skopeo sync --scoped, which writes the name as folders, and give the folder above the host";

/**
 * Opens a `dir:` layout of `skopeo copy` or `skopeo sync` (containers/image, directory_transport.go): one image, its
 * manifest byte for byte. Of a folder, `manifest.json` is the part that a lock remembers.
 * @param folder where it lies below what was given; "" if it is just that
 * @throws ArchiveError `ARCHIVE_FORMAT_UNSUPPORTED`; PassthroughError `MANIFEST_INVALID`, `MANIFEST_SCHEMA1`
 */
export async function openDir(tree: FileTree, label: string, folder: string): Promise<Archive> {
    await checkVersion(tree);
    const found = await readTreeFile(tree, "manifest.json", MAX_MANIFEST_BYTES);
    const bytes = found?.bytes ?? Buffer.alloc(0);
    parseManifest(bytes, { place: { archive: label, entry: "manifest.json" } });
    const digest = computeDigest(bytes);
    const blobs = blobsNamed(tree, (hex) => {
        if (`sha256:${hex}` === digest) return "manifest.json";
        const child = `${hex}.manifest.json`;
        return tree.find(child) === undefined ? hex : child;
    });
    const signatures = [...tree.names()].filter((name) => /^signature-\d+$/.test(name)).length;
    return {
        format: "dir",
        label,
        parts: tree.lockParts(["manifest.json"]),
        warnings: signatures === 0 ? [] : [`${label} has ${signatures} simple signatures, which no registry keeps`],
        source: treeSource(tree, blobs),
        contents: async (overrides) => nameContents(label, folder, digest, overrides),
        close: async () => undefined,
    };
}

function nameContents(label: string, folder: string, digest: string, given: readonly Override[]): ArchiveContents {
    const overrides = new Overrides(given);
    const names = new ImageNames();
    const name = folder === "" ? basename(label) : folder;
    const scoped = scopedNames(folder, digest);
    const [reference, ...others] = scoped;
    const override = overrides.find([name, digest]);
    const notes: string[] = [];
    if (reference !== undefined && others.length === 0) {
        const isProven = reference.digest !== undefined;
        const ruling = ruleOn({ name, references: [reference], isProven }, override);
        if (ruling.kind === "open") names.problems.push({ ...ruling.problem, digest, spellings: [name, digest] });
        else {
            const origin =
                ruling.by === undefined ? ({ from: "folder", where: folder } as const) : overrideOrigin(ruling.by);
            names.add(name, digest, ruling.references, () => origin);
        }
        if (ruling.kind === "named" && ruling.note !== undefined) notes.push(ruling.note);
    } else nameByOverride(names, notes, { name, digest, override, scoped });
    const contents = names.contents(label, overrides, HINT);
    return { ...contents, notes: [...contents.notes, ...notes] };
}

/** A layout whose folders do not say one name. */
interface UnnamedDir {
    readonly name: string;
    readonly digest: string;
    readonly override: Override | undefined;
    /** What the folders may say. */
    readonly scoped: readonly Reference[];
}

function nameByOverride(names: ImageNames, notes: string[], { name, digest, override, scoped }: UnnamedDir): void {
    const tag = tagIn(name);
    if (override?.repository === undefined) {
        const open =
            scoped.length > 1
                ? "several of its folders may be the host"
                : "the folder does not say which upstream it is of";
        names.problems.push({
            name,
            digest,
            what: `${open} (an override needs repository too)`,
            candidates: scoped.map(formatReference),
            match: name,
            spellings: [name, digest],
            needs: ["repository"],
            isTagless: tag === undefined,
            registries: scoped.map(({ registry }) => registry),
        });
        return;
    }
    const suffix = tag === undefined ? `@${digest}` : `:${tag}`;
    const reference = overriddenReference(override, override.repository, suffix);
    names.add(name, digest, [reference], () => overrideOrigin(override));
    if (reference.digest !== undefined) notes.push(digestOnlyNote(reference));
}

/** `skopeo sync --scoped` writes `<host>/<path>:<tag>`; without it only the last part of the path is there. */
function scopedNames(folder: string, digest: string): readonly Reference[] {
    if (!/[:@][^/]+$/.test(folder)) return [];
    return folderReferences(folder).filter((reference) => (reference.digest ?? digest) === digest);
}

function tagIn(name: string): string | undefined {
    return /:([A-Za-z0-9_][A-Za-z0-9._-]{0,127})$/.exec(name)?.[1];
}

async function checkVersion(tree: FileTree): Promise<void> {
    const version = await readTreeFile(tree, "version", 1024);
    const text = version?.bytes.toString("utf8") ?? "";
    if (VERSION.test(text)) return;
    const what = `the file version does not say Directory Transport Version 1.x: ${JSON.stringify(text.slice(0, 60))}`;
    const facts = { archive: tree.path, code: "ARCHIVE_FORMAT_UNSUPPORTED" as const };
    throw new ArchiveError(what, { ...facts, fix: "copy the image again with a current skopeo" });
}
