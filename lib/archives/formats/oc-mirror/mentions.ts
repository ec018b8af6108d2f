import { type Overrides, isExact } from "../../naming/override";
import type { Origin } from "../../naming/origin";
import type { OcMirrorIndex } from "./cache-index";
import type { Candidate } from "./candidate";
import { mentionedNames } from "./candidates";
import { type Catalogs, readCatalogs } from "./catalogs";
import { GRAPH_IMAGE, GRAPH_IMAGE_CACHE_NAME } from "./graph-image";
import { type Releases, readReleases } from "./releases";

/** What people do so that an archive holds the upstream names of all its images. */
export const DRY_RUN =
    "run oc-mirror with the same image set, the same file:// folder and --dry-run on the connected side before mirroring";

/** Everything that an archive says about the names of its images. */
export interface Mentions {
    readonly candidates: readonly Candidate[];
    readonly catalogs: Catalogs;
    readonly releases: Releases;
    /** Images that were read from a folder and so have no upstream: cache name -> the folder. */
    readonly folders: ReadonlyMap<string, string>;
    /** The cache names that a dry run of this image set has listed, if there was one. */
    readonly listed: ReadonlySet<string> | undefined;
    /** Where images come from whose names the archive does not have, as words; undefined if all have. */
    readonly unnamedSource: string | undefined;
    readonly notes: readonly string[];
}

/** Reads all that an archive says. @throws ArchiveError `ARCHIVE_METADATA_INVALID`, `ARCHIVE_TOO_LARGE` */
export async function readMentions(index: OcMirrorIndex, overrides: Overrides): Promise<Mentions> {
    const { candidates, requests, folders, listed } = mentionedNames(index);
    const catalogs = await readCatalogs(index, requests.operators ?? []);
    const releases = await readReleases(index, requests);
    const all = [...candidates, ...catalogs.candidates, ...releases.candidates];
    const hasCharts = requests["helm"] !== undefined && requests["helm"] !== null;
    const unnamed = [
        ...(hasCharts ? ["Helm charts"] : []),
        ...(catalogs.isCut ? ["catalogs that cannot be read"] : []),
    ];
    return {
        candidates: [...all, ...graphImage(index, all, overrides)],
        catalogs,
        releases,
        folders: new Map([...folders, ...catalogs.folders]),
        listed,
        unnamedSource: listed !== undefined || unnamed.length === 0 ? undefined : unnamed.join(" and "),
        notes: [...catalogs.notes, ...releases.notes, ...(hasCharts ? [chartsNote(listed !== undefined)] : [])],
    };
}

function chartsNote(isListed: boolean): string {
    const note = "the image set also asks for helm charts: which of their images are missing is not known";
    if (isListed) return note;
    const cause =
        "there is no dry-run/mapping.txt of this image set, so the names of chart images are not in the archive";
    const effect =
        "an image known by its tag alone cannot be distinguished from a chart's image with the same path and tag";
    return `${note}; ${cause}: ${effect}. To be certain, ${DRY_RUN}`;
}

/** Its name, unless an override or the archive itself gives it another. */
function graphImage(index: OcMirrorIndex, candidates: readonly Candidate[], overrides: Overrides): Candidate[] {
    const [repository = ""] = GRAPH_IMAGE_CACHE_NAME.split(":");
    if (!index.tags.has(GRAPH_IMAGE_CACHE_NAME)) return [];
    if (candidates.some(({ cacheNames }) => cacheNames.includes(GRAPH_IMAGE_CACHE_NAME))) return [];
    const override = overrides.find([repository, GRAPH_IMAGE_CACHE_NAME]);
    if (override !== undefined && isExact(override)) return [];
    const origin: Origin = { from: "tool", where: "oc-mirror" };
    return [{ reference: GRAPH_IMAGE, cacheNames: [GRAPH_IMAGE_CACHE_NAME], requested: false, ownsTag: true, origin }];
}
