import { stringify } from "yaml";
import { lockApart } from "../../support/archive-apart";
import { ArchiveBench, ocMirrorEntries, tar, testImage } from "../../support/archives";

const MIB = 1024 * 1024;

const bench = new ArchiveBench();
afterEach(() => bench.clear());

/** A bundle with so many properties as its size asks for, as `olm.csv.metadata` and `olm.bundle.object` have them. */
function makeBundle(bytes: number): object {
    const properties = Array.from({ length: bytes / 128 }, (_, at) => ({ type: `x${at}`, value: [{ n: at }, "y"] }));
    return {
        schema: "olm.bundle",
        image: "quay.io/org/bundle:1",
        properties,
        relatedImages: [{ name: "", image: "quay.io/org/operand:1" }],
    };
}

test.each<[string, number, (bundle: object) => string]>([
    ["JSON", 12 * MIB, (bundle) => JSON.stringify(bundle, undefined, 1)],
    ["YAML", 2 * MIB, (bundle) => `---\n${stringify(bundle)}`],
])("a catalog of large bundles in %s takes no memory for what nobody asks for", async (form, bytes, textOf) => {
    const text = `${textOf(makeBundle(bytes))}\n`.repeat(8);
    const folder = `working-dir/operator-catalogs/redhat-operator-index/${"a".repeat(64)}/catalog-config`;
    const entries = ocMirrorEntries({
        tags: [{ repository: "org/operand", tag: "1", image: testImage("operand") }],
        files: { [`${folder}/operator/catalog.${form.toLowerCase()}`]: text },
    });
    const { said, peakMiB } = lockApart(await bench.folder({ "mirror_000001.tar": tar(entries) }));
    expect(said).toBe("quay.io/org/operand:1");
    expect(peakMiB).toBeLessThan(160);
});
