import { z } from "zod";
import { errorMessage } from "../../../errors/errors";
import { parseReference, repositoryName } from "../../../oci/reference";
import type { Origin } from "../../naming/origin";
import type { MetadataFile, OcMirrorIndex } from "./cache-index";
import { type CacheName, toCacheName } from "./cache-name";
import { type Candidate, formatCacheNames, mentionedReference } from "./candidate";
import { type ImageSetContent, invalidMetadata, readImageSet, readYaml, withoutTransport } from "./image-set";

/** What the texts of an archive say about upstream names. */
export interface Mentioned {
    readonly candidates: readonly Candidate[];
    /** What this archive was made for. */
    readonly requests: ImageSetContent;
    /** Images that were read from a folder (`oci://…`) and so have no upstream: cache name -> the folder. */
    readonly folders: ReadonlyMap<string, string>;
    /**
     * The cache names that a dry run of this image set has listed, with all that the run was to write; undefined if there
     * was no dry run, or one of another image set.
     */
    readonly listed: ReadonlySet<string> | undefined;
}

const deleteList = z.looseObject({ items: z.array(z.looseObject({ imageName: z.string() })).nullish() });

/** Every upstream name that image sets, mapping and delete lists mention. @throws ArchiveError `ARCHIVE_METADATA_INVALID` */
export function mentionedNames(index: OcMirrorIndex): Mentioned {
    const candidates: Candidate[] = [];
    const folders = new Map<string, string>();
    let requests: ImageSetContent = {};
    let mapping: Candidate[] | undefined;
    const own = new Set(index.imageSets().map(({ name }) => name));
    for (const file of [...index.metadata.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
        if (file.name.endsWith("/mapping.txt")) appendAll(candidates, (mapping = fromMapping(file)));
        else if (file.name.includes("/delete/")) appendAll(candidates, fromDeleteList(file));
        else {
            const imageSet = readImageSet(file);
            if (own.has(file.name)) requests = imageSet;
            appendAll(candidates, fromImageSet(file, imageSet, own.has(file.name), folders));
        }
    }
    return { candidates, requests, folders, listed: mapping && listedNames(mapping, candidates) };
}

/** The file of a dry run stays when the image set changes: then it lacks what is new in it. */
function listedNames(mapping: readonly Candidate[], all: readonly Candidate[]): ReadonlySet<string> | undefined {
    const listed = new Set<string>();
    const upstreams = new Set<string>();
    for (const { reference, cacheNames } of mapping) {
        for (const name of cacheNames) {
            listed.add(name);
            upstreams.add(`${name} ${repositoryName(reference)}`);
        }
    }
    const isListed = ({ reference, cacheNames }: Candidate) =>
        cacheNames.some((name) => upstreams.has(`${name} ${repositoryName(reference)}`));
    return all.filter(({ requested }) => requested).every(isListed) ? listed : undefined;
}

/** Not `push(...)`: the files have any number of lines, and arguments are limited. */
function appendAll(candidates: Candidate[], more: readonly Candidate[]): void {
    for (const candidate of more) candidates.push(candidate);
}

function fromMapping(file: MetadataFile): Candidate[] {
    return file.text.split("\n").flatMap((line) => {
        const match = /^docker:\/\/(\S+?)=docker:\/\/(\S+)$/.exec(line.trim());
        if (match === null) return [];
        return mentioned({ from: "mapping", where: file.name }, match[1] ?? "", toCacheName(match[2] ?? ""));
    });
}

function fromDeleteList(file: MetadataFile): Candidate[] {
    const origin: Origin = { from: "image-set", where: file.name };
    const names = (readYaml(file, deleteList).items ?? []).map((item) => withoutTransport(item.imageName));
    return names.flatMap((name) => (name === undefined ? [] : mentioned(origin, name, toCacheName(name))));
}

function fromImageSet(
    file: MetadataFile,
    imageSet: ImageSetContent,
    requested: boolean,
    folders: Map<string, string>,
): Candidate[] {
    return (imageSet.additionalImages ?? []).flatMap(({ name, targetRepo, targetTag }) => {
        const source = withoutTransport(name);
        const target = {
            ...(targetRepo === undefined ? {} : { repository: targetRepo }),
            ...(targetTag === undefined ? {} : { tag: targetTag }),
        };
        if (source === undefined) {
            for (const cacheName of formatCacheNames(folderCacheName(name, target))) folders.set(cacheName, name);
            return [];
        }
        const cache = toCacheName(source, target);
        return requested
            ? [desired(file, source, cache)]
            : mentioned({ from: "image-set", where: file.name }, source, cache);
    });
}

/** An image from a folder is filed under the folder's path (oc-mirror, internal/pkg/additional). */
function folderCacheName(name: string, target: { repository?: string; tag?: string }): CacheName {
    const path = name.replace(/^[a-z][a-z-]*:\/\//, "").replace(/^\/+/, "");
    return { repository: target.repository ?? path, tags: [target.tag ?? "latest"] };
}

/** Other files may speak of earlier runs: they can help, not hinder. */
function mentioned(origin: Origin, source: string, cache: CacheName): Candidate[] {
    const reference = mentionedReference(source);
    return reference === undefined
        ? []
        : [{ reference, cacheNames: formatCacheNames(cache), requested: false, origin }];
}

function desired(file: MetadataFile, source: string, cache: CacheName): Candidate {
    try {
        const origin: Origin = { from: "image-set", where: file.name };
        return { reference: parseReference(source), cacheNames: formatCacheNames(cache), requested: true, origin };
    } catch (cause) {
        throw invalidMetadata(file, errorMessage(cause), cause);
    }
}
