import { printable } from "../errors/text";

/** What an upstream name may come from; written into locks, so these never change. */
export const NAME_ORIGINS = [
    /** `mapping.txt`: of a dry run of oc-mirror, of `oc adm catalog mirror`. */
    "mapping",
    /** The image set configuration of oc-mirror, or its delete list. */
    "image-set",
    /** The bundles of an operator catalog. */
    "catalog",
    /** A release: `image-references`, its signature, the update graph, its boot images. */
    "release",
    /** An annotation of an entry in `index.json`. */
    "annotation",
    /** `RepoTags` of a docker-archive. */
    "repo-tags",
    /** The folders that the image lies in. */
    "folder",
    /** The image that a signature or another referrer refers to. */
    "subject",
    /** The tool that built the image: it has no upstream. */
    "tool",
    /** An override of the configuration or the command line. */
    "override",
] as const;
export type NameOrigin = (typeof NAME_ORIGINS)[number];

/** Where the upstream name of an image was found. */
export interface NameSource {
    readonly from: NameOrigin;
    /** The file, the annotation or the `match` of the override that gives it; absent where `from` says it all. */
    readonly where?: string;
    /** What the archive itself calls the image: its tag in a cache, its `ref.name`, its digest. */
    readonly name: string;
}

/** How a person reads it: `mapping file working-dir/dry-run/mapping.txt; the archive calls it team/app:1.0`. */
export function nameSourceText({ from, where, name }: NameSource): string {
    const place = where === undefined ? "" : ` ${printable(where)}`;
    return `${ORIGIN_TEXT[from]}${place}; the archive calls it ${printable(name)}`;
}

const ORIGIN_TEXT: Readonly<Record<NameOrigin, string>> = {
    mapping: "mapping file",
    "image-set": "image set",
    catalog: "operator catalog",
    release: "release content",
    annotation: "annotation",
    "repo-tags": "RepoTags in manifest.json",
    folder: "folder",
    subject: "name of its subject",
    tool: "name given by the tool that built it",
    override: "override",
};
