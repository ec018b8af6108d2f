import { parse } from "yaml";
import type { ArchiveContents } from "../../lib/archives";
import { type Override, overrideSchema } from "../../lib/mirror/override";
import type { Digest } from "../../lib/oci/digest";
import type { ArchiveError } from "../../lib/errors/errors";
import { ArchiveBench, type OcMirrorSpec, type TestImage, ocMirrorEntries, refusal, tar } from "./archives";

/** What these functions open; to be cleared after each test. */
export const bench = new ArchiveBench();

/** What an oc-mirror archive of this shape holds, once opened and named. */
export function readContents(spec: OcMirrorSpec, overrides: readonly Override[] = []): Promise<ArchiveContents> {
    const bytes = tar(ocMirrorEntries(spec));
    return bench.openFiles({ "mirror_000001.tar": bytes }).then((archive) => archive.contents(overrides));
}

/** Source reference -> digest of such an archive. */
export async function toImageMap(
    spec: OcMirrorSpec,
    overrides: readonly Override[] = [],
): Promise<Record<string, Digest>> {
    return Object.fromEntries((await readContents(spec, overrides)).images);
}

/** The error that naming such an archive is refused with. */
export const refused = (spec: OcMirrorSpec, overrides: readonly Override[] = []): Promise<ArchiveError> =>
    refusal(readContents(spec, overrides));

/** A tag of the cache, and what else it has pointed to. */
export function tagged(
    repository: string,
    tag: string,
    image: TestImage,
    ...past: readonly Digest[]
): OcMirrorSpec["tags"][number] {
    return { repository, tag, image, past };
}

/** What the reader writes in place of `<…>`: by what stands there, or that by the `match` of the override. */
type FilledIn = Readonly<Record<string, string>> | ((match: string) => Readonly<Record<string, string>>);

/** The overrides that a refusal offers, each as it is to be pasted; `<…>` is for the reader to fill in. */
export function offeredOverrides({ fix = "" }: ArchiveError, filledIn: FilledIn = {}): Override[] {
    const lines = fix.split("\n").filter((line) => /^ +- \{match: /.test(line));
    const filled = lines.map((line) => {
        const match = /match: "([^"]*)"/.exec(line)?.[1] ?? "";
        const values = typeof filledIn === "function" ? filledIn(match) : filledIn;
        return line.replace(/<([^>]+)>/g, (place, what: string) => values[what] ?? place);
    });
    const text = filled.join("\n");
    return overrideSchema.array().parse(parse(text === "" ? "[]" : text));
}
