import { stringify } from "yaml";
import { ArchiveFile } from "../../../lib/archives/files/archive-file";
import { bundleImages } from "../../../lib/archives/formats/oc-mirror/catalog-documents";
import { refusal } from "../../support/archives";
import { bench } from "../../support/oc-mirror-archive";

let open: ArchiveFile | undefined;

afterEach(async () => {
    await open?.close();
    await bench.clear();
});

/** The images in a file with this text, as they are found. */
async function imagesIn(text: string | Buffer): Promise<string[]> {
    const path = await bench.folder({ catalog: Buffer.from(text) });
    open = await ArchiveFile.open(`${path}/catalog`);
    const found: string[] = [];
    const file = { name: "working-dir/x/catalog", file: open, offset: 0, size: open.size };
    for await (const image of bundleImages(file)) found.push(image);
    return found;
}

/** A bundle that fills some pieces of a file, with all that could be taken for the end of a document. */
const bundle = (at: number): object => ({
    schema: "olm.bundle",
    name: `b${at}`,
    image: `quay.io/org/bundle:${at}`,
    properties: [{ type: "x", value: `${'}"\\{ ü€𝄞 \n---\n'.repeat(4000 + at * 37)}` }],
    relatedImages: [{ name: "", image: `quay.io/org/operand:${at}` }, { name: "none" }],
});
const bundles = Array.from({ length: 20 }, (_, at) => bundle(at));
const expected = bundles.flatMap((_, at) => [`quay.io/org/bundle:${at}`, `quay.io/org/operand:${at}`]);

describe("the bundles of a catalog", () => {
    it.each<[string, (documents: readonly object[]) => string]>([
        ["JSON, one after the other", (all) => all.map((each) => JSON.stringify(each)).join("")],
        ["JSON, indented", (all) => `\n\n${all.map((each) => JSON.stringify(each, undefined, 4)).join("\n")}\n`],
        ["YAML", (all) => all.map((each) => stringify(each)).join("---\n")],
        [
            "YAML with a mark in front, JSON within",
            (all) => all.map((each) => `---\n${JSON.stringify(each)}\n`).join(""),
        ],
    ])("are found in %s, wherever the file is cut into pieces", async (_, textOf) => {
        const others = [
            { schema: "olm.package", name: "x" },
            { schema: "olm.channel", image: "not.a/bundle:1" },
        ];
        expect(await imagesIn(textOf([...others, ...bundles, { schema: "olm.bundle" }]))).toEqual(expected);
    });

    const decoys = { relatedImages: [{ image: "quay.io/org/decoy:1" }], image: "quay.io/org/decoy:2" };
    const nested = { schema: "olm.bundle", deep: [[{ a: [decoys] }], decoys], image: "quay.io/org/own:1", end: decoys };
    const related = { schema: "olm.bundle", relatedImages: [{ image: "quay.io/org/own:1", more: [{ a: [] }, "]}"] }] };
    const text = { schema: "olm.bundle", of: '"relatedImages": [', x: ["y"], image: "quay.io/org/own:1" };

    it.each([nested, related, text])("are read at the top alone, in JSON and in YAML: %j", async (document) => {
        const forms = [JSON.stringify(document), JSON.stringify(document, undefined, 30), stringify(document)];
        for (const form of [...forms, stringify(document, { indentSeq: false })]) {
            expect(await imagesIn(form)).toEqual(["quay.io/org/own:1"]);
            await open?.close();
        }
    });

    it.each([
        "---\n# made by hand\n\"schema\": olm.bundle\nproperties:\n- |\n  image: x\n\n  y\n'image': quay.io/org/own:1\n",
        "schema: olm.bundle\nanchor: &name quay.io/org/own:1\nimage: *name\n",
        "{schema: olm.bundle, image: 'quay.io/org/own:1'\n}\n".replace("{", "--- {"),
        '{"schema": "olm.bundle", "relat\\u0065dImages": [{"image": "quay.io/org/own:1"}]}',
        `{"schema": "olm.bundle", "relatedImages":${" ".repeat(80)}[{"image": "quay.io/org/own:1"}]}`,
        '---\n{\n"schema": "olm.bundle",\n"relatedImages": [\n{"image": "quay.io/org/own:1"}\n],\n"version": "1"\n}\n',
    ])("are found in what people write by hand: %j", async (document) => {
        expect(await imagesIn(document)).toEqual(["quay.io/org/own:1"]);
    });

    it.each([" \n".repeat(300_000), ""])("are none in an empty file", async (text) => {
        expect(await imagesIn(text)).toEqual([]);
    });

    it.each(['{"schema": "olm.bundle"', '{"schema": "olm.bundle", oops}', "schema: olm.bundle\nimage: [x"])(
        "are refused in %j",
        async (text) => {
            const error = await refusal(imagesIn(text));
            expect(error).toMatchObject({ code: "ARCHIVE_METADATA_INVALID", entry: "working-dir/x/catalog" });
        },
    );

    it("are refused if one is too large to be held, with its place", async () => {
        const error = await refusal(imagesIn(Buffer.concat([Buffer.from('{"schema":"'), Buffer.alloc(17 << 20, "x")])));
        expect(error).toMatchObject({ code: "ARCHIVE_TOO_LARGE", entry: "working-dir/x/catalog" });
        expect(error.message).toContain("a document has more than 16777216 bytes");
    });
});
