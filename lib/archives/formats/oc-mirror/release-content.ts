import { z } from "zod";
import { parseBoundedJson } from "../../../oci/bounded-json";
import { parseBoundedYaml } from "../../../oci/bounded-yaml";
import type { OcMirrorIndex } from "./cache-index";
import { imageReferences, releaseMetadata } from "./release-documents";
import { type WorkingFile, readWorkingFile } from "./working-file";

/** A release that oc-mirror took apart in its working folder (`hold-release/<name>/<tag>`). */
export interface HeldRelease {
    /** The last part of its repository, `ocp-release`. */
    readonly name: string;
    /** Where the working folder has it. */
    readonly folder: string;
    /** What its cache tags begin with: its own tag, or the hex digits of its digest. */
    readonly tag: string;
    /** `4.18.20`; absent if it does not say. */
    readonly version?: string;
    /** Component -> full reference by digest (`image-references`). */
    readonly components: ReadonlyMap<string, string>;
    /** Architecture (`x86_64`) -> its KubeVirt image, a full reference by digest. */
    readonly kubeVirt: ReadonlyMap<string, string>;
}

const FILE = /^working-dir\/hold-release\/([^/@]+)(?:@sha256)?\/([^/]+)\/release-manifests\/([^/]+)$/;

const bootImages = z.looseObject({ data: z.looseObject({ stream: z.string() }) });
const stream = z.looseObject({
    architectures: z.record(
        z.string(),
        z.looseObject({
            images: z
                .looseObject({ kubevirt: z.looseObject({ "digest-ref": z.string().nullish() }).nullish() })
                .nullish(),
        }),
    ),
});

/**
 * The releases in the working folder, also those of earlier runs. What cannot be read is added to `notes`.
 * @throws ArchiveError `ARCHIVE_TOO_LARGE`, and as reading does
 */
export async function heldReleases(index: OcMirrorIndex, notes: string[]): Promise<HeldRelease[]> {
    const folders = new Map<string, { name: string; tag: string; folder: string; files: Map<string, WorkingFile> }>();
    for (const file of index.working.values()) {
        const [, name, tag, base] = FILE.exec(file.name) ?? [];
        if (name === undefined || tag === undefined || base === undefined) continue;
        const found = folders.get(`${name}/${tag}`) ?? {
            name,
            tag,
            folder: file.name.slice(0, file.name.lastIndexOf("/")),
            files: new Map<string, WorkingFile>(),
        };
        folders.set(`${name}/${tag}`, found);
        found.files.set(base, file);
    }
    const releases: HeldRelease[] = [];
    for (const { name, tag, folder, files } of folders.values()) {
        const references = await readAs(files.get("image-references"), parseBoundedJson, imageReferences, notes);
        const metadata = await readAs(files.get("release-metadata"), parseBoundedJson, releaseMetadata, notes);
        const boot = await readAs(files.get("0000_50_installer_coreos-bootimages.yaml"), parseStream, stream, notes);
        const tags = references?.spec.tags ?? [];
        releases.push({
            name,
            tag,
            folder,
            ...(metadata === undefined ? {} : { version: metadata.version }),
            components: new Map(
                tags.flatMap((component) => (component.from ? [[component.name, component.from.name]] : [])),
            ),
            kubeVirt: kubeVirtImages(boot),
        });
    }
    return releases;
}

/** The ConfigMap holds the stream's metadata as JSON. */
function parseStream(text: string): unknown {
    return parseBoundedJson(bootImages.parse(parseBoundedYaml(text)).data.stream);
}

function kubeVirtImages(boot: z.infer<typeof stream> | undefined): Map<string, string> {
    const found = new Map<string, string>();
    for (const [architecture, { images }] of Object.entries(boot?.architectures ?? {})) {
        const reference = images?.kubevirt?.["digest-ref"];
        if (reference) found.set(architecture, reference);
    }
    return found;
}

/** The document in a file of the working folder; undefined, with a note, if it is not what it should be. */
export async function readAs<T>(
    file: WorkingFile | undefined,
    read: (text: string) => unknown,
    shape: z.ZodType<T>,
    notes: string[],
): Promise<T | undefined> {
    if (file === undefined) return undefined;
    const text = (await readWorkingFile(file)).toString("utf8");
    try {
        return shape.parse(read(text));
    } catch {
        notes.push(`${file.name} (archive ${file.file.path}) cannot be read: what it says of names is lost`);
        return undefined;
    }
}
