import { parse } from "yaml";
import { z } from "zod";
import { ArchiveError, messageOf } from "../../oci/errors";
import { type Reference, parseReference, sourceKey } from "../../oci/reference";
import { cacheNameOf } from "./cache-name";
import type { MetadataFile, OcMirrorIndex } from "./cache-index";

/** An upstream name that the archive mentions, and the cache names under which its image would be filed. */
export interface Candidate {
    readonly reference: Reference;
    /** `<repository>:<tag>` of the cache. */
    readonly cacheNames: readonly string[];
    /** True if the image set of this archive asks for it; other files may speak of earlier runs. */
    readonly wished: boolean;
}

/** What an archive says about upstream names. */
export interface Mentioned {
    readonly candidates: readonly Candidate[];
    readonly notes: readonly string[];
}

const imageSet = z.looseObject({
    mirror: z
        .looseObject({
            additionalImages: z
                .array(
                    z.looseObject({
                        name: z.string(),
                        targetRepo: z.string().optional(),
                        targetTag: z.string().optional(),
                    }),
                )
                .nullish(),
        })
        .nullish(),
});
const deleteList = z.looseObject({ items: z.array(z.looseObject({ imageName: z.string() })).nullish() });

/** Sections whose images are known only from the content itself, not from the image set. */
const DERIVED_SECTIONS = ["platform", "operators", "helm"];

/** Every upstream name that the archive's own files mention. @throws ArchiveError `ARCHIVE_METADATA_INVALID` */
export function mentionedNames(index: OcMirrorIndex): Mentioned {
    const candidates: Candidate[] = [];
    const notes: string[] = [];
    const wishes = new Set(index.imageSets().map(({ name }) => name));
    for (const file of [...index.metadata.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
        if (file.name.endsWith("/mapping.txt")) candidates.push(...fromMapping(file));
        else if (file.name.includes("/delete/")) candidates.push(...fromDeleteList(file));
        else candidates.push(...fromImageSet(file, wishes.has(file.name), notes));
    }
    return { candidates, notes };
}

/** The keys of the images that the image set asks for by name. */
export function wishedKeys(candidates: readonly Candidate[]): ReadonlySet<string> {
    return new Set(candidates.filter(({ wished }) => wished).map(({ reference }) => sourceKey(reference)));
}

function fromMapping(file: MetadataFile): Candidate[] {
    return file.text.split("\n").flatMap((line) => {
        const match = /^docker:\/\/(\S+?)=docker:\/\/(\S+)$/.exec(line.trim());
        if (match === null) return [];
        const { repository, tags } = cacheNameOf(match[2] ?? "");
        return candidate(file, match[1] ?? "", { repository, tags }, false);
    });
}

function fromDeleteList(file: MetadataFile): Candidate[] {
    const names = (read(file, deleteList).items ?? []).map((item) => withoutTransport(item.imageName));
    return names.flatMap((name) => (name === undefined ? [] : candidate(file, name, cacheNameOf(name), false)));
}

function fromImageSet(file: MetadataFile, wished: boolean, notes: string[]): Candidate[] {
    const mirror = read(file, imageSet).mirror ?? {};
    const derived = DERIVED_SECTIONS.filter((section) => mirror[section] !== undefined && mirror[section] !== null);
    if (wished && derived.length > 0) {
        notes.push(`the image set also asks for ${derived.join(", ")}: what of it is missing cannot be told`);
    }
    return (mirror.additionalImages ?? []).flatMap(({ name, targetRepo, targetTag }) => {
        const source = withoutTransport(name);
        if (source === undefined) {
            notes.push(`${name} in ${file.name} was read from a folder and has no upstream name of its own`);
            return [];
        }
        const target = {
            ...(targetRepo === undefined ? {} : { repository: targetRepo }),
            ...(targetTag === undefined ? {} : { tag: targetTag }),
        };
        return candidate(file, source, cacheNameOf(source, target), wished);
    });
}

/** Undefined for what does not come from a registry (`oci://…`). */
function withoutTransport(name: string): string | undefined {
    const source = name.replace(/^docker:\/\//, "");
    return /^[a-z][a-z-]*:\/\//.test(source) ? undefined : source;
}

function candidate(
    file: MetadataFile,
    source: string,
    cache: { readonly repository: string; readonly tags: readonly string[] },
    wished: boolean,
): Candidate[] {
    const cacheNames = cache.tags.map((tag) => `${cache.repository}:${tag}`);
    try {
        return [{ reference: parseReference(source), cacheNames, wished }];
    } catch (cause) {
        // Other files may speak of earlier runs: they can help, not hinder.
        if (!wished) return [];
        throw invalid(file, messageOf(cause), cause);
    }
}

function read<T>(file: MetadataFile, schema: z.ZodType<T>): T {
    let document: unknown;
    try {
        document = parse(file.text);
    } catch (cause) {
        throw invalid(file, `not YAML: ${messageOf(cause)}`, cause);
    }
    const result = schema.safeParse(document);
    if (result.success) return result.data;
    throw invalid(file, z.prettifyError(result.error), result.error);
}

function invalid(file: MetadataFile, what: string, cause: unknown): ArchiveError {
    const place = { archive: file.archive, entry: file.name, offset: file.offset };
    return new ArchiveError(what, { ...place, code: "ARCHIVE_METADATA_INVALID", cause });
}
