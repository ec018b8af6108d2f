import { ArchiveFile } from "../../../lib/archives/files/archive-file";
import { FolderTree } from "../../../lib/archives/files/folder-tree";
import { readSignatures } from "../../../lib/archives/formats/oc-image-mirror/release-signatures";
import { bundleImages } from "../../../lib/archives/formats/oc-mirror/catalog-documents";
import { signedIdentity } from "../../../lib/archives/formats/oc-mirror/signed-message";
import { refusal, testImage } from "../../support/archives";
import { BILLION_LAUGHS, NESTED } from "../../support/costly-text";
import { bench, readContents, refused, tagged } from "../../support/oc-mirror-archive";

/*
 * Documents in an archive that are made to cost memory. They are recognized before they are parsed: no parser of Node.js
 * is called with them.
 */

let parse: jest.SpyInstance<unknown, Parameters<typeof JSON.parse>>;
let open: ArchiveFile | undefined;

beforeEach(() => {
    parse = jest.spyOn(JSON, "parse");
});

afterEach(async () => {
    const longest = Math.max(0, ...parse.mock.calls.map(([text]) => text.length));
    parse.mockRestore();
    await open?.close();
    open = undefined;
    await bench.clear();
    expect(longest).toBeLessThan(1_000_000);
});

const app = testImage("app");
const spec = { tags: [tagged("org/app", "1", app)], imageSet: ["quay.io/org/app:1"] };
const manifests = "working-dir/hold-release/ocp-release/4.18.20-x86_64/release-manifests";
const bootImages = `${manifests}/0000_50_installer_coreos-bootimages.yaml`;
const graph = "working-dir/hold-release/cincinnati-graph-data/amd64-stable-4.18.json";

test.each([
    ["image-references", `${manifests}/image-references`, `{"spec": ${NESTED}`],
    ["release-metadata", `${manifests}/release-metadata`, `{"version": ${NESTED}`],
    ["the boot images", bootImages, `data: ${NESTED}`],
    ["the boot images' JSON", bootImages, `data:\n  stream: |\n    ${NESTED}\n`],
    ["the boot images' aliases", bootImages, `${BILLION_LAUGHS}data: {stream: "{}", more: *l9}\n`],
    ["an update graph", graph, `{"nodes": ${NESTED}`],
])("%s: the file is left out, with a note, and the images keep their names", async (_, name, text) => {
    const contents = await readContents({ ...spec, files: { [name]: text } });
    expect([...contents.images]).toEqual([["quay.io/org/app:1", app.digest]]);
    expect(contents.notes.join("\n")).toContain(`${name} (archive `);
    expect(contents.notes.join("\n")).toContain("cannot be read");
});

test.each([
    ["nested without end", `mirror: ${NESTED}`, "not YAML: more than 64 levels of arrays and objects"],
    ["of aliases of aliases", `${BILLION_LAUGHS}mirror: *l9\n`, "not YAML: Excessive alias count"],
])("an image set %s is refused with its place", async (_, imageSet, problem) => {
    const error = await refused({ ...spec, imageSet });
    expect(error).toMatchObject({ code: "ARCHIVE_METADATA_INVALID" });
    expect(error.message).toContain(problem);
});

test.each([
    ["JSON", `{"schema": "olm.bundle", "relatedImages": ${NESTED}${"]".repeat(4_000_000)}}`],
    ["YAML", `schema: olm.bundle\nrelatedImages: ${NESTED}\n`],
    ["YAML of aliases", `---\n{schema: olm.bundle,\n}\n---\n${BILLION_LAUGHS}relatedImages: *l9\nschema: olm.bundle\n`],
])("a catalog's bundle of %s that is made to cost memory is refused with its place", async (_, text) => {
    const path = await bench.folder({ catalog: Buffer.from(text) });
    open = await ArchiveFile.open(`${path}/catalog`);
    const file = { name: "working-dir/x/catalog", file: open, offset: 0, size: open.size };
    const found: string[] = [];
    const read = async () => {
        for await (const image of bundleImages(file)) found.push(image);
    };
    expect(await refusal(read())).toMatchObject({
        code: "ARCHIVE_METADATA_INVALID",
        entry: "working-dir/x/catalog",
    });
    expect(found).toEqual([]);
});

test("a signed message that is nested without end is no signature", () => {
    const literal = Buffer.concat([Buffer.from("b\0\0\0\0\0", "latin1"), Buffer.from(NESTED)]);
    const head = Buffer.from([0xc0 | 11, 0xff, 0, 0, 0, 0]);
    head.writeUInt32BE(literal.length, 2);
    expect(signedIdentity(Buffer.concat([head, literal]))).toBeUndefined();
});

test.each([NESTED, `${BILLION_LAUGHS}more: *l9\n`])(
    "a ConfigMap of signatures is left out, with a note",
    async (text) => {
        const name = "config/signature-sha256-0.yaml";
        const path = await bench.folder({ [name]: Buffer.from(`binaryData: {a: aGVsbG8=}\n${text}`) });
        const notes: string[] = [];
        await readSignatures(await FolderTree.list(path), notes);
        expect(notes).toEqual([`${name} holds no signature of a release: left out`]);
    },
);
