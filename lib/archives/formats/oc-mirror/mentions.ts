import type { Overrides } from "../../naming/override";
import type { OcMirrorIndex } from "./cache-index";
import type { Candidate } from "./candidate";
import { mentionedNames } from "./candidates";
import { type Catalogs, readCatalogs } from "./catalogs";
import { GRAPH_IMAGE, GRAPH_IMAGE_CACHE_NAME } from "./graph-image";
import { type Releases, readReleases } from "./releases";

/** Everything that an archive says about the names of its images. */
export interface Mentions {
    readonly candidates: readonly Candidate[];
    readonly catalogs: Catalogs;
    readonly releases: Releases;
    /** Images that were read from a folder and so have no upstream: cache name -> the folder. */
    readonly folders: ReadonlyMap<string, string>;
    readonly notes: readonly string[];
}

/** Reads all that an archive says. @throws ArchiveError `ARCHIVE_METADATA_INVALID`, `ARCHIVE_TOO_LARGE` */
export async function readMentions(index: OcMirrorIndex, overrides: Overrides): Promise<Mentions> {
    const { candidates, wishes, folders } = mentionedNames(index);
    const catalogs = await readCatalogs(index, wishes.operators ?? []);
    const releases = await readReleases(index, wishes);
    const all = [...candidates, ...catalogs.candidates, ...releases.candidates];
    const helm =
        wishes["helm"] === undefined || wishes["helm"] === null
            ? []
            : ["the image set also asks for helm charts: what of their images is missing cannot be told"];
    return {
        candidates: [...all, ...graphImage(all, overrides)],
        catalogs,
        releases,
        folders: new Map([...folders, ...catalogs.folders]),
        notes: [...catalogs.notes, ...releases.notes, ...helm],
    };
}

/** Its name, unless an override or the archive itself gives it another. */
function graphImage(candidates: readonly Candidate[], overrides: Overrides): Candidate[] {
    const [repository = ""] = GRAPH_IMAGE_CACHE_NAME.split(":");
    if (candidates.some(({ cacheNames }) => cacheNames.includes(GRAPH_IMAGE_CACHE_NAME))) return [];
    if (overrides.find([repository, GRAPH_IMAGE_CACHE_NAME]) !== undefined) return [];
    return [{ reference: GRAPH_IMAGE, cacheNames: [GRAPH_IMAGE_CACHE_NAME], wished: false }];
}
