import type { Override } from "../../../lib/mirror/override";
import { describeArchive } from "../../../lib/archives";
import { computeDigest, digestHex } from "../../../lib/oci/digest";
import {
    ArchiveBench,
    type LayoutImage,
    type TestImage,
    ociLayoutFiles,
    refusal,
    tar,
    testImage,
    testIndex,
} from "../../support/archives";

const app = testImage("app");
const signature = testImage("signature");
const bench = new ArchiveBench();
afterEach(() => bench.clear());

async function described(files: Iterable<readonly [string, Buffer]>, overrides: readonly Override[] = []) {
    const entries = [...files].map(([name, body]) => ({ name, body }));
    const { lock, notes } = await describeArchive(await bench.openFiles({ "a.tar": tar(entries) }, "a.tar"), overrides);
    return { images: lock.images, notes };
}

const layout = (images: readonly LayoutImage[], overrides: readonly Override[] = []) =>
    described(ociLayoutFiles(images), overrides);

/** An artifact that says itself what it is about (image-spec, "Associating"). */
function about(subject: TestImage, seed: string): TestImage {
    const image = testImage(seed);
    const { digest, mediaType, manifest } = subject;
    const document = {
        ...(JSON.parse(image.manifest.toString()) as object),
        subject: { mediaType, digest, size: manifest.length },
    };
    const bytes = Buffer.from(JSON.stringify(document));
    return { ...image, manifest: bytes, digest: computeDigest(bytes) };
}

describe("a store of Hauler", () => {
    const kind = (name: string) => ({ kind: `dev.hauler/${name}` });
    const named = { "io.containerd.image.name": "quay.io/org/app:1" };

    it("names images by their full name, not by the one without a host; the name before a rewrite goes first", async () => {
        const { images } = await layout([
            { image: app, name: "org/app:1", annotations: { ...kind("image"), ...named } },
            {
                image: testImage("b"),
                name: "lab/b:1",
                annotations: {
                    ...kind("image"),
                    "io.containerd.image.name": "reg.lab/b:1",
                    "hauler.dev/original-ref": "busybox:1",
                },
            },
        ]);
        expect(Object.keys(images)).toEqual(["docker.io/library/busybox:1", "quay.io/org/app:1"]);
    });

    it("keeps signatures under cosign's tag beside their image, and other referrers by digest", async () => {
        const referrer = about(app, "referrer");
        const { images } = await layout([
            { image: app, name: "org/app:1", annotations: { ...kind("image"), ...named } },
            { image: signature, name: "org/app:1", annotations: { ...kind("sigs"), ...named } },
            { image: referrer, annotations: kind(`referrers/${digestHex(referrer.digest)}`) },
        ]);
        expect(images).toEqual({
            "quay.io/org/app:1": app.digest,
            [`quay.io/org/app:sha256-${digestHex(app.digest)}.sig`]: signature.digest,
            [`quay.io/org/app@${referrer.digest}`]: referrer.digest,
        });
    });

    it("gives what belongs to an image its host too: two hosts may have one path and tag", async () => {
        const names = ["quay.io/org/app:1", "registry.redhat.io/org/app:1"] as const;
        const images = [app, testImage("other host")] as const;
        const signatures = [signature, testImage("signature of the other")] as const;
        const entries = names.flatMap((full, at) => {
            const annotations = { "io.containerd.image.name": full, "hauler.dev/original-ref": full };
            return [
                { image: images[at] ?? app, name: "org/app:1", annotations: { ...kind("image"), ...annotations } },
                { image: signatures[at] ?? app, name: "org/app:1", annotations: { ...kind("sigs"), ...annotations } },
            ];
        });
        const found = (await layout(entries)).images;
        const signatureName = (at: 0 | 1) => `${names[at].slice(0, -2)}:sha256-${digestHex(images[at].digest)}.sig`;
        expect(found).toEqual({
            [names[0]]: images[0].digest,
            [names[1]]: images[1].digest,
            [signatureName(0)]: signatures[0].digest,
            [signatureName(1)]: signatures[1].digest,
        });
    });

    it("leaves out charts and files, which no registry has under that name; an image without its host is asked for", async () => {
        const chart = testImage("chart");
        const config = chart.manifest
            .toString()
            .replace("vnd.oci.image.config.v1+json", "vnd.cncf.helm.config.v1+json");
        const bytes = Buffer.from(config);
        const own: TestImage = { ...chart, manifest: bytes, digest: computeDigest(bytes) };
        const { images, notes } = await layout([
            { image: app, name: "org/app:1", annotations: { ...kind("image"), ...named } },
            { image: own, name: "hauler/chart:1.0.0", annotations: kind("image") },
        ]);
        expect(Object.keys(images)).toEqual(["quay.io/org/app:1"]);
        expect(notes).toEqual([
            "hauler/chart:1.0.0 in index.json is left out: it is a chart or a file in Hauler's store",
        ]);
        const error = await refusal(layout([{ image: app, name: "org/app:1", annotations: kind("image") }]));
        expect(error.message).toContain('"org/app:1" does not say which repository it is of');
    });
});

describe("a Zarf package", () => {
    const inPackage = (images: readonly LayoutImage[]) =>
        new Map([
            ["zarf.yaml", Buffer.from("kind: ZarfPackageConfig")],
            ["components/base.tar", Buffer.from("x")],
            ...[...ociLayoutFiles(images)].map(([name, body]): [string, Buffer] => [`images/${name}`, body]),
        ]);

    it("has its images in a layout below images/, with full names in ref.name, or in base.name alone", async () => {
        const base = { "org.opencontainers.image.base.name": "quay.io/org/b:2" };
        const { images } = await described(
            inPackage([
                {
                    image: app,
                    name: "quay.io/org/app:1",
                    annotations: { "org.opencontainers.image.base.name": "quay.io/org/app:1" },
                },
                { image: testImage("b"), annotations: base },
            ]),
        );
        expect(Object.keys(images)).toEqual(["quay.io/org/app:1", "quay.io/org/b:2"]);
        // Elsewhere base.name says what an image is built on.
        expect((await refusal(layout([{ image: app, annotations: base }]))).message).toContain("it has no name");
    });
});

describe("what is about an image goes where the image is:", () => {
    it("by containerd's note, by cosign's tag, by its own subject, also one after the other", async () => {
        const sbom = about(app, "sbom");
        const ofSbom = about(sbom, "signature of the sbom");
        const { images } = await layout([
            { image: ofSbom },
            { image: sbom },
            { image: testImage("noted"), annotations: { "io.containerd.manifest.subject": app.digest } },
            { image: signature, name: `sha256-${digestHex(app.digest)}.sig` },
            { image: testIndex([app]), name: "quay.io/org/app:1" },
            { image: app, name: "quay.io/other/app:1" },
        ]);
        const places = ["quay.io/org/app", "quay.io/other/app"];
        expect(Object.keys(images).sort()).toEqual(
            [
                ...places.map((place) => `${place}:1`),
                ...places.map((place) => `${place}:sha256-${digestHex(app.digest)}.sig`),
                ...[sbom, ofSbom, testImage("noted")].flatMap(({ digest }) =>
                    places.map((place) => `${place}@${digest}`),
                ),
            ].sort(),
        );
    });

    it("without it, it is left out and said so", async () => {
        const { images, notes } = await layout([
            { image: app, name: "quay.io/org/app:1" },
            { image: about(testImage("elsewhere"), "lost") },
        ]);
        expect(Object.keys(images)).toEqual(["quay.io/org/app:1"]);
        expect(notes).toEqual([expect.stringContaining("which has no name here")]);
    });
});

describe("several archives in one tar or folder", () => {
    it("are one set; a folder around them does not matter, nor what else lies there", async () => {
        const inFolder = (folder: string, images: readonly LayoutImage[]) =>
            [...ociLayoutFiles(images)].map(([name, body]): [string, Buffer] => [`${folder}/${name}`, body]);
        const files = new Map([
            ["README", Buffer.from("x")],
            ...inFolder("deep/er/one", [{ image: app, name: "quay.io/org/app:1" }]),
            ...inFolder("two", [{ image: signature, name: "quay.io/org/two:1" }]),
        ]);
        expect(Object.keys((await described(files)).images)).toEqual(["quay.io/org/app:1", "quay.io/org/two:1"]);
        const { lock } = await describeArchive(await bench.openFiles(files), []);
        expect(lock.parts.map(({ name }) => name)).toEqual(["deep/er/one/index.json", "two/index.json"]);
    });
});
