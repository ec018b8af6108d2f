import { createHash } from "node:crypto";
import { digestHex } from "../../../lib/oci/digest";
import { type OcMirrorSpec, imageObjects, testImage, testIndex } from "../../support/archives";
import { bench, readContents, toImageMap, refused, tagged } from "../../support/oc-mirror-archive";
import { catalogFolder, catalogText } from "../../support/oc-mirror-working-dir";

const original = testIndex([testImage("index amd64"), testImage("index arm64")]);
const rebuilt = testImage("rebuilt index");
const bundle = testImage("bundle");
const operand = testImage("operand");
const source = "registry.redhat.io/redhat/some-index:v4.18";
const repository = "redhat/some-index";
const digestTag = (image: { digest: string }): string => `sha256-${digestHex(image.digest)}`;
const content = {
    wanted: [`quay.io/org/bundle@${bundle.digest}`, `registry.redhat.io/org/operand@${operand.digest}`],
    other: [`quay.io/gone/bundle@${testImage("gone").digest}`],
};
const images = {
    [`quay.io/org/bundle@${bundle.digest}`]: bundle.digest,
    [`registry.redhat.io/org/operand@${operand.digest}`]: operand.digest,
};
const parts = [tagged("org/bundle", digestTag(bundle), bundle), tagged("org/operand", digestTag(operand), operand)];

afterEach(() => bench.clear());

/** The tag of a filter that oc-mirror writes as this JSON. */
const md5 = (json: string): string => createHash("md5").update(json).digest("hex");

function imageSet(catalog: string, more = "packages: [{name: wanted}]"): string {
    return `mirror:\n  operators:\n  - catalog: ${catalog}\n    ${more.replaceAll("\n", "\n    ")}\n`;
}

function filtered(more: Partial<OcMirrorSpec> & { readonly filter?: string } = {}): OcMirrorSpec {
    const { filter = md5(`{"packages":[{"name":"wanted"}],"catalog":"${source}"}`), ...rest } = more;
    return {
        tags: [tagged(repository, "v4.18", original), tagged(repository, filter, rebuilt), ...parts],
        imageSet: imageSet(source),
        files: catalogFolder("some-index", original, content, { tag: filter, packages: ["wanted"] }),
        ...rest,
    };
}

describe("a filtered catalog", () => {
    it("has its upstream tag in the rebuilt form, marked; the original is left out, and what that alone names", async () => {
        const contents = await readContents(filtered());
        expect(Object.fromEntries(contents.images)).toEqual({ ...images, [source]: rebuilt.digest });
        expect([...(contents.marks ?? [])]).toEqual([[source, "rebuilt"]]);
        expect(contents.absent).toEqual([]);
        expect(contents.cluster?.catalogs).toEqual([source]);
        expect(contents.notes).toEqual([
            `${repository}:v4.18: the original is left out, it names bundles that are not here`,
        ]);
    });

    it.each<[string, string, string]>([
        [
            "all that a filter can say",
            "packages: [{name: wanted, channels: [{name: a<b, minVersion: 1.0.0}, {name: c, maxVersion: 2.0.0}], defaultChannel: c, minVersion: 0.1.0, maxVersion: 3.0.0}]\nskipDependencies: true\nfull: true",
            `{"packages":[{"name":"wanted","channels":[{"name":"a\\u003cb","minVersion":"1.0.0"},{"name":"c","maxVersion":"2.0.0"}],"defaultChannel":"c","minVersion":"0.1.0","maxVersion":"3.0.0"}],"catalog":"${source}","full":true,"skipDependencies":true}`,
        ],
        ["no packages: the heads of all channels", "full: false", `{"packages":null,"catalog":"${source}"}`],
        [
            "platforms",
            "packages: []\nplatforms: [{os: linux, architecture: amd64}]",
            `{"packages":[],"catalog":"${source}","platforms":[{"os":"linux","architecture":"amd64"}]}`,
        ],
        [
            "the catalog by the digest that its tag stood for, as 4.22 does",
            "packages: [{name: wanted}]",
            `{"packages":[{"name":"wanted"}],"catalog":"registry.redhat.io/redhat/some-index@${original.digest}"}`,
        ],
    ])("is found by its filter with %s, beside those of other filters", async (_, desired, json) => {
        const spec = filtered({ filter: md5(json), imageSet: imageSet(source, desired) });
        const other = tagged(repository, "f".repeat(32), testImage("earlier filter"));
        // Both came earlier: that one of them is here does not help to tell them apart.
        const history = [rebuilt, other.image].flatMap((image) => [...imageObjects(image).keys()]);
        const contents = await readContents({ ...spec, tags: [...spec.tags, other], history });
        expect(contents.earlierImages.get(source)).toBe(rebuilt.digest);
        expect(contents.absent).toEqual([]);
    });

    it("is the only rebuilt one, if its filter is written in a way that is not known here", async () => {
        const filter = "0".repeat(32);
        expect(await toImageMap(filtered({ filter }))).toEqual({ ...images, [source]: rebuilt.digest });
        const spec = filtered({ filter });
        const error = await refused({
            ...spec,
            tags: [...spec.tags, tagged(repository, "1".repeat(32), testImage("another"))],
        });
        expect(error.message).toContain(`${repository}:${filter} (${rebuilt.digest}): a rebuilt catalog of another`);
    });

    it("has targetTag and targetCatalog, which the cache and the mirror know it by", async () => {
        const tags = [
            tagged("mine/index", "stable", original),
            tagged("mine/index", md5(`{"packages":[{"name":"wanted"}],"catalog":"${source}"}`), rebuilt),
            ...parts,
        ];
        const desired = "packages: [{name: wanted}]\ntargetCatalog: mine/index\ntargetTag: stable";
        const contents = await readContents(filtered({ tags, imageSet: imageSet(source, desired) }));
        expect(Object.fromEntries(contents.images)).toEqual({
            ...images,
            "registry.redhat.io/mine/index:stable": rebuilt.digest,
        });
    });

    it("that is wished for by digest has no tag, so it is known by its own digest", async () => {
        const pinned = `registry.redhat.io/redhat/some-index@${original.digest}`;
        const filter = md5(`{"packages":[{"name":"wanted"}],"catalog":"${pinned}"}`);
        const contents = await readContents(
            filtered({
                tags: [
                    tagged(repository, digestTag(original), original),
                    tagged(repository, filter, rebuilt),
                    ...parts,
                ],
                imageSet: imageSet(pinned),
                files: catalogFolder("some-index", original, content, { tag: filter, packages: ["wanted"] }),
            }),
        );
        const key = `registry.redhat.io/redhat/some-index@${rebuilt.digest}`;
        expect(Object.fromEntries(contents.images)).toEqual({ ...images, [key]: rebuilt.digest });
        expect([...(contents.marks ?? [])]).toEqual([]);
        expect(contents.cluster?.catalogs).toEqual([key]);
    });

    it("is two, if the image set filters one catalog twice under names of their own", async () => {
        const second = testImage("second index");
        const filters = ["wanted", "other"].map((name) =>
            md5(`{"packages":[{"name":"${name}"}],"catalog":"${source}"}`),
        );
        const desired = (name: string): string =>
            `  - {catalog: "${source}", packages: [{name: ${name}}], targetCatalog: mine/${name}}\n`;
        const contents = await readContents(
            filtered({
                tags: [
                    tagged("mine/wanted", "v4.18", original),
                    tagged("mine/wanted", filters[0] ?? "", rebuilt),
                    tagged("mine/other", "v4.18", original),
                    tagged("mine/other", filters[1] ?? "", second),
                ],
                imageSet: `mirror:\n  operators:\n${desired("wanted")}${desired("other")}`,
                files: {},
            }),
        );
        expect(Object.fromEntries(contents.images)).toEqual({
            "registry.redhat.io/mine/wanted:v4.18": rebuilt.digest,
            "registry.redhat.io/mine/other:v4.18": second.digest,
        });
    });

    it("cannot have the tag of the whole catalog, if the image set wants both under one name", async () => {
        const both = `${imageSet(source)}  - catalog: ${source}\n    full: true\n`;
        const error = await refused(filtered({ imageSet: both }));
        expect(error.message).toContain(`${source} is also the name of`);
    });

    it("takes no signature of its original or of the original's platforms with it", async () => {
        const signature = testImage("signature");
        const spec = filtered();
        const signed = [original, ...original.children, bundle].map((image) =>
            tagged(image === bundle ? "org/bundle" : repository, `${digestTag(image)}.sig`, signature),
        );
        expect(await toImageMap({ ...spec, tags: [...spec.tags, ...signed] })).toEqual({
            ...images,
            [source]: rebuilt.digest,
            [`quay.io/org/bundle:${digestTag(bundle)}.sig`]: signature.digest,
        });
    });

    it("came earlier with its images, if the history has it: the image set still wants all of it", async () => {
        const history = [rebuilt, bundle].flatMap((image) => [...imageObjects(image).keys()]);
        const contents = await readContents(filtered({ history }));
        expect(Object.fromEntries(contents.earlierImages)).toEqual({
            [source]: rebuilt.digest,
            [`quay.io/org/bundle@${bundle.digest}`]: bundle.digest,
        });
        expect([...contents.images.keys()]).toEqual([`registry.redhat.io/org/operand@${operand.digest}`]);
        expect([...(contents.marks ?? [])]).toEqual([[source, "rebuilt"]]);
    });

    it("tells which of its images are absent", async () => {
        const contents = await readContents(filtered({ leaveOut: imageObjects(operand).keys() }));
        expect(contents.absent).toEqual([`registry.redhat.io/org/operand@${operand.digest}`]);
    });
});

describe("a whole catalog", () => {
    it("is upstream's own, under its own name even where the mirror was to call it otherwise", async () => {
        const all = { wanted: content.wanted };
        const contents = await readContents({
            tags: [tagged("mine/index", "stable", original), ...parts],
            imageSet: imageSet(source, "full: true\ntargetCatalog: mine/index\ntargetTag: stable"),
            files: catalogFolder("some-index", original, all),
        });
        expect(Object.fromEntries(contents.images)).toEqual({ ...images, [source]: original.digest });
        expect([...(contents.marks ?? [])]).toEqual([]);
        expect(contents.cluster?.catalogs).toEqual([source]);
    });

    it("is what 4.16 and 4.17 bring even for a filter, its images filed by bare digests", async () => {
        const contents = await readContents({
            tags: [
                tagged(repository, "v4.18", original),
                tagged("org/bundle", digestHex(bundle.digest), bundle),
                tagged("org/operand", digestHex(operand.digest), operand),
            ],
            imageSet: imageSet(source),
            files: { "working-dir/hold-operator/some-index/x/configs/wanted/catalog.json": catalogText(content) },
        });
        expect(Object.fromEntries(contents.images)).toEqual({ ...images, [source]: original.digest });
        expect(contents.absent).toEqual([]);
    });

    it("may be written in YAML, and a file that is no catalog only helps nobody", async () => {
        const yaml = [...content.wanted]
            .map(
                (image) =>
                    `---\nschema: olm.bundle\nname: x\nimage: ${image}\nrelatedImages:\n- name: ""\n  image: ""\n`,
            )
            .join("");
        const folder = `working-dir/operator-catalogs/some-index/${digestHex(original.digest)}/catalog-config/configs`;
        const contents = await readContents({
            tags: [tagged(repository, "v4.18", original), ...parts],
            imageSet: imageSet(source, "full: true"),
            files: {
                [`${folder}/wanted/catalog.yaml`]: `# a comment\nschema: olm.package\nname: wanted\n${yaml}`,
                [`${folder}/broken.json`]: '{"schema": "olm.bundle", "image": nonsense}',
                [`${folder}/empty`]: "\n",
            },
        });
        expect(Object.fromEntries(contents.images)).toEqual({ ...images, [source]: original.digest });
        expect(contents.notes).toEqual([expect.stringMatching(/broken\.json .* is not a catalog/)]);
    });
});

describe("a catalog that was read from a folder", () => {
    const folder = "oci:///home/me/some-index";
    const spec = filtered({
        filter: md5(`{"packages":[{"name":"wanted"}],"catalog":"${folder}"}`),
        imageSet: imageSet(folder),
    });
    const tags = spec.tags.map((link) =>
        link.repository === repository
            ? { ...link, repository: "some-index", tag: link.tag === "v4.18" ? "latest" : link.tag }
            : link,
    );

    it("is asked for by name, with its folder", async () => {
        const error = await refused({ ...spec, tags });
        expect(error.message).toContain("1 name has no single upstream");
        expect(error.message).toContain(`(${rebuilt.digest}): it was read from ${folder}, which is no registry`);
        expect(error.fix).toContain('- {match: "some-index", registry: <upstream host>}');
    });

    it("has the name that an override gives it, with the tag of its original", async () => {
        const override = { match: "some-index", registry: "registry.lab", repository: "mine/index" };
        const contents = await readContents({ ...spec, tags }, [override]);
        expect(Object.fromEntries(contents.images)).toEqual({
            ...images,
            "registry.lab/mine/index:latest": rebuilt.digest,
        });
        expect(contents.cluster?.catalogs).toEqual(["registry.lab/mine/index:latest"]);
    });
});

it("a template for a CatalogSource is not in the archive, which is told", async () => {
    const desired = "packages: [{name: wanted}]\ntargetCatalogSourceTemplate: /home/me/template.yaml";
    const { notes } = await readContents(filtered({ imageSet: imageSet(source, desired) }));
    expect(notes).toContainEqual(expect.stringContaining("template is not in the archive"));
});
