import type { ArchiveContents } from "../../lib/archives";
import type { Override } from "../../lib/mirror/override";
import type { Digest } from "../../lib/oci/digest";
import type { ArchiveError } from "../../lib/errors/errors";
import { ArchiveBench, type OcMirrorSpec, type TestImage, ocMirrorEntries, refusal, tar } from "./archives";

/** What these functions open; to be cleared after each test. */
export const bench = new ArchiveBench();

/** What an oc-mirror archive of this shape holds, once opened and named. */
export function contentsOf(spec: OcMirrorSpec, overrides: readonly Override[] = []): Promise<ArchiveContents> {
    const bytes = tar(ocMirrorEntries(spec));
    return bench.openFiles({ "mirror_000001.tar": bytes }).then((archive) => archive.contents(overrides));
}

/** Source reference -> digest of such an archive. */
export async function toImageMap(
    spec: OcMirrorSpec,
    overrides: readonly Override[] = [],
): Promise<Record<string, Digest>> {
    return Object.fromEntries((await contentsOf(spec, overrides)).images);
}

/** The error that naming such an archive is refused with. */
export const refused = (spec: OcMirrorSpec, overrides: readonly Override[] = []): Promise<ArchiveError> =>
    refusal(contentsOf(spec, overrides));

/** A tag of the cache. */
export function tagged(repository: string, tag: string, image: TestImage): OcMirrorSpec["tags"][number] {
    return { repository, tag, image };
}
