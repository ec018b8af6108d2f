import { inModule } from "./script-module";

const DIGEST = `sha256:${"a".repeat(64)}`;
const outputs = (count: number) => ({
    images: Object.fromEntries(
        Array.from({ length: count }, (_, index) => [
            `quay.io/org/app${index}:1`,
            { mirror: `localhost:5000/mirror/quay.io/org/app${index}:1`, digest: DIGEST },
        ]),
    ),
    validation: {
        status: "proven",
        images: count,
        manifests: 3,
        blobs: 9,
        bytesRead: 2_500_000,
        whole: ["quay.io/org/app0:1"],
        checkedAt: "2026-01-01T00:00:00Z",
    },
});

async function table(count: number, width: number): Promise<string> {
    const { value } = await inModule("proof-table.mjs", "return m.proofTable(input.outputs, input.width);", {
        outputs: outputs(count),
        width,
    });
    return String(value);
}

test("a wide terminal gets a table with whole digests, a narrower one with short ones", async () => {
    expect((await table(2, 300)).split("\n")[1]).toContain(DIGEST);
    const [head = "", first = ""] = (await table(2, 130)).split("\n");
    expect(head).toMatch(/^SOURCE +MIRROR +DIGEST +PROVEN$/);
    expect(first).toContain(`sha256:${"a".repeat(12)}…`);
});

test("where no table fits, each image is a block with its whole digest", async () => {
    const text = await table(2, 80);
    expect(text).toContain("source  quay.io/org/app1:1\nmirror  localhost:5000/mirror/quay.io/org/app1:1");
    expect(text).toContain(`digest  ${DIGEST}`);
});

test("only images that were read whole are said to be", async () => {
    const proofs = (await table(2, 80)).split("\n").filter((line) => line.startsWith("proven"));
    expect(proofs.map((line) => line.endsWith(", every byte"))).toEqual([true, false]);
});

test("ten thousand images do not scroll by", async () => {
    const text = await table(10_000, 300);
    expect(text.split("\n").length).toBeLessThan(60);
    expect(text).toContain("… and 9950 more");
    expect(text).toContain("10000 images, 3 manifests, 9 blobs; 1 images read whole (2.5 MB)");
});
