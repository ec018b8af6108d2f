import { type Digest, computeDigest, digestHex } from "../../../lib/oci/digest";
import { type Reference, formatReference, repositoryName, sourceKey } from "../../../lib/oci/reference";
import {
    type LayoutImage,
    type TestImage,
    imageObjects,
    ocMirrorEntries,
    ociLayoutFiles,
    tar,
    testImage,
    testIndex,
} from "../archives";
import { docker24, dockerImage, expectedDigest } from "../docker-archives";
import type { Random } from "./random";

/** The files of an archive, by path. */
type Files = readonly (readonly [path: string, bytes: Buffer])[];

/** An archive that was made up, and what is true of it. */
export interface AmbiguousArchive {
    readonly files: Files;
    /** Every upstream name of each image that is in the archive, by digest. */
    readonly truth: ReadonlyMap<Digest, readonly Reference[]>;
    /** For the report of a failure: what wrote it. */
    readonly kinds: readonly string[];
}

/** Hosts of all shapes; several of them have the same paths. */
const HOSTS = ["quay.io", "registry.redhat.io", "docker.io", "localhost:5000", "reg-1.lab.example:8443", "10.1.2.3:80"];
/** Path parts with every separator, and words that archives use for folders of their own. */
const PARTS = ["team", "a.b", "x_y", "x__y", "m-n", "m---n", "0", "9a", "library", "v2", "manifests", "tags", "latest"];
const TAG_START = "ABCxyz019_";
const TAG_REST = `${TAG_START}.-`;

/** Makes up the content of archives as tools write them, with names that do not tell everything. */
export class ArchiveInventor {
    readonly #random: Random;
    readonly #truth = new Map<Digest, Reference[]>();
    readonly #keys = new Set<string>();
    #count = 0;

    constructor(random: Random) {
        this.#random = random;
    }

    /** One to three archives of any kinds in one folder, each as a folder or as a tar. */
    invent(): AmbiguousArchive {
        const kinds = Array.from({ length: this.#random.between(1, 3) }, () => this.#random.pick(KINDS));
        // A set is one run of oc-mirror.
        const chosen = kinds.filter((kind, at) => kind !== "oc-mirror" || kinds.indexOf(kind) === at);
        const files = chosen.flatMap((kind, at) => this.#packed(kind, `p${at}`));
        return { files, truth: this.#truth, kinds: chosen };
    }

    #packed(kind: Kind, folder: string): Files {
        const files = this.#write(kind);
        if (kind === "oc-mirror") return files;
        if (kind === "docker-archive" || this.#random.between(0, 1) === 0)
            return [[`${folder}.tar`, tar(files.map(([name, body]) => ({ name, body })))]];
        return files.map(([name, bytes]) => [`${folder}/${name}`, bytes]);
    }

    #write(kind: Kind): Files {
        switch (kind) {
            case "full names":
                return [...ociLayoutFiles(this.#several(() => this.#fullName()))];
            case "side by side":
                return this.#several(() => this.#sideBySide()).flat();
            case "index and children":
                return this.#indexAndChildren();
            case "hauler":
                return [...ociLayoutFiles(this.#several(() => this.#hauled()).flat())];
            case "docker-archive":
                return this.#saved();
            case "dir":
                return this.#several(() => this.#dir()).flat();
            case "oc image mirror":
                return this.#mirrored();
            case "oc catalog mirror":
                return this.#catalog();
            case "oc-mirror":
                return this.#ocMirror();
        }
    }

    #fullName(): LayoutImage {
        const reference = this.#reference();
        return { image: this.#image(reference), name: formatReference(reference) };
    }

    /** Below folders that say the host, that say nothing, that look like a host and are none, or that have two. */
    #sideBySide(): Files {
        const reference = this.#reference();
        const { registry, repository, tag = "" } = reference;
        const folder = this.#random.pick([
            `${registry}/${repository}`,
            `n${++this.#count}/${repository}`,
            `2026.${++this.#count}/${repository}`,
            `copy${++this.#count}.bak/${repository}`,
            `site-${++this.#count}.lab/${registry}/${repository}`,
        ]);
        const files = ociLayoutFiles([{ image: this.#image(reference), name: tag }]);
        return [...files].map(([name, bytes]) => [`${folder}/${name}`, bytes]);
    }

    #indexAndChildren(): Files {
        const reference = this.#reference();
        const children = [this.#plain(), this.#plain()];
        const index = this.#known(testIndex(children), reference);
        const entries = [{ image: index, name: reference.tag ?? "" }, ...children.map((image) => ({ image }))];
        return [...ociLayoutFiles(entries)];
    }

    /** Hauler leaves the host out of `ref.name`, and stores charts and signatures beside images. */
    #hauled(): LayoutImage[] {
        const reference = this.#reference();
        const full = formatReference(reference);
        const annotations = { "hauler.dev/original-ref": full, "io.containerd.image.name": full };
        const name = `${reference.repository}:${reference.tag ?? ""}`;
        const image = this.#image(reference);
        const kind = (what: string) => ({ ...annotations, kind: `dev.hauler/${what}` });
        const entries: LayoutImage[] = [{ image, name, annotations: kind("image") }];
        if (this.#random.between(0, 1) === 0) {
            const tag = `sha256-${digestHex(image.digest)}.sig`;
            entries.push({ image: this.#image({ ...reference, tag }), name, annotations: kind("sigs") });
        }
        if (this.#random.between(0, 2) === 0) entries.push({ image: this.#chart(), name: `hauler/${name}` });
        return entries;
    }

    #saved(): Files {
        const images = this.#several(() => {
            const image = dockerImage(`saved ${++this.#count}`);
            const reference = this.#reference();
            this.#remember(expectedDigest(image), reference);
            // Docker's short form would take a first part with a dot for a host; Docker Hub has no such names.
            const familiar = formatReference(reference).replace(
                /^docker\.io\/(?![^/]*\.[^/]*\/)(?:library\/(?=[^/]+$))?/,
                "",
            );
            return { image, tags: [familiar] };
        });
        return docker24(images)
            .filter(({ type }) => type === undefined)
            .map(({ name, body }) => [name, Buffer.from(body ?? "")]);
    }

    #dir(): Files {
        const reference = this.#reference();
        const { registry, repository, tag = "" } = reference;
        const last = repository.split("/").at(-1) ?? "";
        const folder = this.#random.pick([
            `${registry}/${repository}:${tag}`,
            `d${++this.#count}/${last}:${tag}`,
            `2026.${++this.#count}/${last}:${tag}`,
            `site-${++this.#count}.lab/${registry}/${repository}:${tag}`,
        ]);
        const image = this.#image(reference);
        const blobs = [...imageObjects(image)].filter(([digest]) => digest !== image.digest);
        const children = new Set(image.children.map(({ digest }) => digest));
        return [
            [`${folder}/version`, Buffer.from("Directory Transport Version: 1.1\n")],
            [`${folder}/manifest.json`, image.manifest],
            ...blobs.map(([digest, bytes]): [string, Buffer] => [
                `${folder}/${digestHex(digest)}${children.has(digest) ? ".manifest.json" : ""}`,
                bytes,
            ]),
        ];
    }

    /** `oc image mirror` keeps no host; a copy without links keeps no tags. */
    #mirrored(): Files {
        const paths = new Set<string>();
        return this.#several(() => {
            const reference = this.#ownPath(paths);
            const hasTag = this.#random.between(0, 2) > 0;
            return mirrorFiles(reference.repository, hasTag ? reference.tag : undefined, this.#image(reference));
        }).flat();
    }

    #catalog(): Files {
        const lines: string[] = [];
        const files = this.#several(() => {
            const { tag: _, ...reference } = this.#reference();
            const image = this.#plain();
            const upstream = { ...reference, digest: image.digest };
            this.#known(image, upstream);
            const path = `local/index/${++this.#count}/${reference.repository}`;
            lines.push(`${formatReference(upstream)}=file://${path}:90c64efc`);
            return mirrorFiles(path, "90c64efc", image);
        }).flat();
        return [...files, [`manifests-index-1/mapping.txt`, Buffer.from(`${lines.join("\n")}\n`)]];
    }

    /** The cache has no hosts: of two images with one path and tag it keeps the last, whoever asked for it. */
    #ocMirror(): Files {
        const names: string[] = [];
        const paths = new Set<string>();
        const tags = this.#several(() => {
            const reference = this.#ownPath(paths);
            const { repository, tag = "" } = reference;
            const rival = { ...reference, registry: "rival.example" };
            const [asked, past] = this.#random.pick([
                [[reference], []],
                [[reference, rival], [this.#plain().digest]],
                // The image of a chart, which the image set does not name, took the tag.
                [[rival], [this.#plain().digest]],
                [[], []],
            ] as const);
            names.push(...asked.map(formatReference));
            return { repository, tag, image: this.#image(reference), past };
        });
        return [["mirror_000001.tar", tar(ocMirrorEntries({ tags, imageSet: names }))]];
    }

    #several<T>(make: () => T): T[] {
        return Array.from({ length: this.#random.between(1, 4) }, make);
    }

    /** A name whose path and tag no other image of an archive without hosts has. @param paths of the others */
    #ownPath(paths: Set<string>): Reference {
        for (;;) {
            const reference = this.#reference();
            const path = `${reference.repository}:${reference.tag}`;
            if (paths.has(path)) continue;
            paths.add(path);
            return reference;
        }
    }

    /** A name that no other image has; half of them share path and tag with one of another host. */
    #reference(): Reference {
        for (;;) {
            const repository = Array.from({ length: this.#random.between(1, 3) }, () => this.#random.pick(PARTS)).join(
                "/",
            );
            const registry = this.#random.pick(HOSTS);
            const isOfficial = registry === "docker.io" && !repository.includes("/");
            const reference = {
                registry,
                repository: isOfficial ? `library/${repository}` : repository,
                tag: this.#random.between(0, 1) === 0 ? "1.0" : this.#tag(),
            };
            const key = sourceKey(reference);
            if (this.#keys.has(key)) continue;
            this.#keys.add(key);
            return reference;
        }
    }

    #tag(): string {
        const rest = Array.from({ length: this.#random.between(0, 12) }, () => this.#random.pick([...TAG_REST]));
        return [this.#random.pick([...TAG_START]), ...rest].join("");
    }

    #image(reference: Reference): TestImage {
        const isIndex = this.#random.between(0, 3) === 0;
        return this.#known(isIndex ? testIndex([this.#plain(), this.#plain()]) : this.#plain(), reference);
    }

    #plain(): TestImage {
        return testImage(`image ${++this.#count} ${this.#random.between(0, 1e9)}`);
    }

    #chart(): TestImage {
        const chart = this.#plain();
        const text = chart.manifest.toString().replace("vnd.oci.image.config.v1+json", "vnd.cncf.helm.config.v1+json");
        const manifest = Buffer.from(text);
        return { ...chart, manifest, digest: computeDigest(manifest) };
    }

    #known(image: TestImage, reference: Reference): TestImage {
        this.#remember(image.digest, reference);
        return image;
    }

    #remember(digest: Digest, reference: Reference): void {
        this.#truth.set(digest, [...(this.#truth.get(digest) ?? []), reference]);
    }
}

const KINDS = [
    "full names",
    "side by side",
    "index and children",
    "hauler",
    "docker-archive",
    "dir",
    "oc image mirror",
    "oc catalog mirror",
    "oc-mirror",
] as const;
type Kind = (typeof KINDS)[number];

/** As a copy with links followed has it: the tag is a file. */
function mirrorFiles(repository: string, tag: string | undefined, image: TestImage): Files {
    const manifests = [image, ...image.children];
    const blobs = manifests.flatMap((one) => [...one.blobs]);
    const tagged: Files = tag === undefined ? [] : [[`v2/${repository}/manifests/${tag}`, image.manifest]];
    return [
        ...tagged,
        ...manifests.map(({ digest, manifest }) => [`v2/${repository}/manifests/${digest}`, manifest] as const),
        ...blobs.map(([digest, bytes]) => [`v2/${repository}/blobs/${digest}`, bytes] as const),
    ];
}

/** The keys under which an image may be locked: its names, and its digest in any of their repositories. */
export function allowedKeys(digest: Digest, names: readonly Reference[]): ReadonlySet<string> {
    return new Set(names.flatMap((name) => [sourceKey(name), `${repositoryName(name)}@${digest}`]));
}
