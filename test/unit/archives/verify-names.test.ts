import { join } from "node:path";
import { describeArchive, verifyNames } from "../../../lib/archives";
import { formatGroups } from "../../../lib/errors/format";
import type { Lock } from "../../../lib/lock";
import type { Override } from "../../../lib/mirror/override";
import { ArchiveBench, ocMirrorEntries, ociLayoutFiles, tar, testImage } from "../../support/archives";
import { docker24, dockerImage } from "../../support/docker-archives";

const FIXTURES = join(__dirname, "../../fixtures/archives");
const bench = new ArchiveBench();
afterEach(() => bench.clear());

const [app, tool] = [testImage("app"), testImage("tool")];
const layout = ociLayoutFiles([
    { image: app, name: "quay.io/org/app:1" },
    { image: tool, name: "quay.io/org/tool:2" },
]);
const mirrored = tar(
    ocMirrorEntries({
        tags: [
            { repository: "org/app", tag: "1", image: app },
            { repository: "org/tool", tag: "2", image: tool },
        ],
        imageSet: ["quay.io/org/app:1", "quay.io/org/tool:2"],
    }),
);
const saved = tar(
    docker24([
        { image: dockerImage("base", "app"), tags: ["quay.io/org/app:1"] },
        { image: dockerImage("base", "tool"), tags: ["quay.io/org/tool:2"] },
    ]),
);
const ARCHIVES = {
    "an OCI layout": () => bench.openFiles(layout),
    "an oc-mirror archive": () => bench.openFiles({ "mirror_000001.tar": mirrored }, "mirror_000001.tar"),
    "a docker archive": () => bench.openFiles({ "save.tar": saved }, "save.tar"),
};

/** What is wrong with the names of a lock that was changed after it was made. */
async function problems(
    open: () => ReturnType<typeof bench.open>,
    change: (lock: Lock) => Partial<Lock> = () => ({}),
    overrides: readonly Override[] = [],
) {
    const archive = await open();
    const { lock } = await describeArchive(archive, overrides);
    const found = await verifyNames(archive, { ...lock, ...change(lock) });
    return { lock, lines: formatGroups(found.problems), note: found.note };
}

const APP = "quay.io/org/app:1";
const TOOL = "quay.io/org/tool:2";

describe.each(Object.entries(ARCHIVES))("%s", (_, open) => {
    test("names its images as its lock does", async () => {
        expect(await problems(open)).toMatchObject({ lines: [], note: undefined });
    });

    test("shows that the digests of two images were swapped, with both names of each", async () => {
        const { lock, lines } = await problems(open, ({ images }) => ({
            images: { [APP]: images[TOOL] ?? "", [TOOL]: images[APP] ?? "" },
        }));
        const digests = [lock.images[APP] ?? "", lock.images[TOOL] ?? ""] as const;
        expect(lines).toHaveLength(2);
        expect(lines[0]).toBe(
            `${APP}: ARCHIVE_LOCK_MISMATCH: in the lock file it is ${digests[1]}, which the archive names ${TOOL}; ` +
                `in the archive it is ${digests[0]}`,
        );
        expect(lines[1]).toContain(`which the archive names ${APP}`);
    });

    test("shows that an image was renamed, also where the lock no longer says where names come from", async () => {
        for (const nameSources of ["kept", "removed"]) {
            const { lines } = await problems(open, ({ images, ...rest }) => ({
                images: { "quay.io/evil/app:1": images[APP] ?? "", [TOOL]: images[TOOL] ?? "" },
                ...(nameSources === "kept" ? { nameSources: rest.nameSources ?? {} } : { nameSources: {} }),
            }));
            expect(lines).toHaveLength(1);
            expect(lines[0]).toMatch(
                /^quay\.io\/evil\/app:1: .* which the archive names quay\.io\/org\/app:1; the archive has no image of this name$/,
            );
        }
    });

    test("is not asked about images that were taken out of the lock", async () => {
        const { lines } = await problems(open, ({ images }) => ({ images: { [APP]: images[APP] ?? "" } }));
        expect(lines).toEqual([]);
    });
});

test("an image that an override names is named by the lock, and the others still by the archive", async () => {
    const files = ociLayoutFiles([
        { image: app, name: APP },
        { image: tool },
        { image: testImage("third"), name: TOOL },
    ]);
    const overrides = [{ match: tool.digest, registry: "ghcr.io", repository: "own/tool", tag: "3" }];
    const open = () => bench.openFiles(files);
    expect(await problems(open, undefined, overrides)).toMatchObject({ lines: [], note: undefined });
    const swapped = ({ images }: Lock) => ({
        images: { ...images, [APP]: images[TOOL] ?? "", [TOOL]: images[APP] ?? "" },
    });
    expect((await problems(open, swapped, overrides)).lines).toHaveLength(2);
});

test("an image whose name in the archive gives another digest is found by the override of its digest", async () => {
    const digest = "sha256:5e72b07085c186f87e50c7fc18ac49eb2c3717d6142974292d50ae0b50bee79a";
    const open = () => bench.open(join(FIXTURES, "podman/oci-by-digest.tar"));
    const overrides = [{ match: digest, registry: "ghcr.io", repository: "org/tool", tag: "3.1" }];
    expect(await problems(open, undefined, overrides)).toMatchObject({ lines: [], note: undefined });
});

test("a lock of before there were name sources is compared where the archive names everything, and noted elsewhere", async () => {
    const files = ociLayoutFiles([{ image: app, name: APP }, { image: tool }]);
    const overrides = [{ match: tool.digest, registry: "ghcr.io", repository: "own/tool", tag: "3" }];
    const { lines, note } = await problems(
        () => bench.openFiles(files),
        () => ({ nameSources: {} }),
        overrides,
    );
    expect(lines).toEqual([]);
    expect(note).toMatch(/^the names of the lock file could not be compared with the archive: 1 name has no single/);
});

describe("with the overrides of the configuration", () => {
    const third = testImage("third");
    const files = ociLayoutFiles([{ image: app, name: APP }, { image: tool }, { image: third }]);
    const own = (image: { digest: string }, repository: string) => ({
        match: image.digest,
        registry: "ghcr.io",
        repository,
        tag: "3",
    });
    const configured = [own(tool, "own/tool"), own(third, "own/third")];
    const verify = async (change: (lock: Lock) => Partial<Lock>, overrides: readonly Override[] = configured) => {
        const archive = await bench.openFiles(files);
        const { lock } = await describeArchive(archive, configured);
        const { problems: found, note } = await verifyNames(archive, { ...lock, ...change(lock) }, overrides);
        return { names: found.map(({ name }) => name), lines: formatGroups(found).join("\n"), note };
    };
    const evil = "registry.redhat.io/ubi9/ubi:1";
    const override = (match: string) => ({ from: "override" as const, where: match, name: match });

    it("a lock that they were made with is right", async () => {
        expect(await verify(() => ({}))).toEqual({ names: [], lines: "", note: undefined });
    });

    it("an image is not renamed by a lock that ascribes the name to an override", async () => {
        const found = await verify(({ images: { [APP]: digest = "", ...images }, nameSources }) => ({
            images: { ...images, [evil]: digest },
            nameSources: { ...nameSources, [evil]: override(digest) },
        }));
        expect(found.names).toEqual([evil]);
        expect(found.lines).toContain(`which the archive names ${APP}`);
    });

    it("nor is one that another override names", async () => {
        const found = await verify(({ images: { "ghcr.io/own/tool:3": digest = "", ...images }, nameSources }) => ({
            images: { ...images, [evil]: digest },
            nameSources: { ...nameSources, [evil]: override(digest) },
        }));
        expect(found.names).toEqual([evil]);
        expect(found.lines).toContain("which the archive names ghcr.io/own/tool:3");
    });

    it("the digests of two images with overrides are not swapped", async () => {
        const [one, two] = ["ghcr.io/own/tool:3", "ghcr.io/own/third:3"] as const;
        const found = await verify(({ images }) => ({
            images: { ...images, [one]: images[two] ?? "", [two]: images[one] ?? "" },
        }));
        expect([...found.names].sort()).toEqual([two, one].sort());
    });

    it("where they name not all of the archive, a name that none of them gives is refused", async () => {
        const found = await verify(() => ({}), [own(tool, "own/tool")]);
        expect(found.names).toEqual(["ghcr.io/own/third:3"]);
        expect(found.lines).toContain("no override of the configuration gives it");
        expect(found.note).toContain("could not be compared");
    });
});
