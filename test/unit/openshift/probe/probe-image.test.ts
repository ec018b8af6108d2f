import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { computeDigest } from "../../../../lib/oci/digest";
import { PROBE_COMMAND, probeDigests, probeImage } from "../../../../lib/openshift/probe/probe-image";
import { PROBE_ARCHITECTURES, exitProgram } from "../../../../lib/openshift/probe/probe-program";

const image = probeImage("run1", "quay.io digest");
const folder = mkdtempSync(join(tmpdir(), "probe image "));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Config {
    readonly architecture: string;
    readonly config: { readonly User: string };
    readonly rootfs: { readonly diff_ids: readonly string[] };
}

test("the index has every platform that nodes have, with their blobs, each at its digest", () => {
    const platforms = image.index.manifests.map(
        ({ platform }) => `${platform?.os ?? ""}/${platform?.architecture ?? ""}`,
    );
    expect(platforms).toEqual(["linux/amd64", "linux/arm64", "linux/ppc64le", "linux/s390x"]);
    expect(image.manifests.map(({ digest }) => digest)).toEqual(image.index.manifests.map(({ digest }) => digest));
    for (const { blobs } of image.manifests) {
        for (const { digest, size } of blobs) expect(image.blobs.get(digest)).toHaveLength(size);
    }
    for (const [digest, bytes] of image.blobs) expect(computeDigest(bytes)).toBe(digest);
});

test("configurations name their platform, a numeric user that is not root, and the layer that they have", () => {
    for (const [at, { blobs }] of image.manifests.entries()) {
        const [config, layer] = blobs;
        const parsed = JSON.parse(image.blobs.get(config?.digest ?? "")?.toString() ?? "") as Config;
        expect(parsed).toMatchObject({ architecture: PROBE_ARCHITECTURES[at], config: { User: "65534" } });
        expect(parsed.rootfs.diff_ids).toEqual([layer?.digest]);
    }
});

test("the same run and name give the same bytes; another run has nothing of it but the program", () => {
    expect(probeImage("run1", "quay.io digest").index.digest).toBe(image.index.digest);
    const other = probeDigests(probeImage("run2", "quay.io digest"));
    expect(other.filter((digest) => probeDigests(image).includes(digest))).toEqual([]);
});

test("images of one run share their layers alone: a runtime takes images with one config for one image", () => {
    const other = probeImage("run1", "quay.io tag");
    expect(probeDigests(other).filter((digest) => probeDigests(image).includes(digest))).toEqual([]);
    expect([...other.blobs.keys()].filter((digest) => image.blobs.has(digest))).toHaveLength(
        PROBE_ARCHITECTURES.length,
    );
});

test("both images of a source are less than 20 kB", () => {
    const other = probeImage("run1", "quay.io tag");
    const blobs = [...new Map([...image.blobs, ...other.blobs]).values()];
    const manifests = [image, other].flatMap(({ index, manifests }) => [index, ...manifests]).map(({ bytes }) => bytes);
    const size = [...blobs, ...manifests].reduce((total, bytes) => total + bytes.length, 0);
    expect(size).toBeLessThan(20_000);
});

test("tar reads the layer, and the program in it runs on this machine and ends with status 0", () => {
    const at = PROBE_ARCHITECTURES.indexOf(process.arch === "arm64" ? "arm64" : "amd64");
    const layer = image.blobs.get(image.manifests[at]?.blobs[1]?.digest ?? "") ?? Buffer.alloc(0);
    writeFileSync(join(folder, "layer.tar"), layer);
    execFileSync("tar", ["-xf", "layer.tar"], { cwd: folder });
    expect(() => execFileSync(join(folder, PROBE_COMMAND), { stdio: "ignore" })).not.toThrow();
});

// System V ABI, chapter 4, and each processor's supplement: e_ident, e_machine, e_entry, p_offset, p_vaddr, p_filesz.
test.each([
    ["amd64", 1, 62],
    ["arm64", 1, 183],
    ["ppc64le", 1, 21],
    ["s390x", 2, 22],
] as const)(
    "the program of %s is a 64-bit executable that is loaded whole and begins with its code",
    (name, order, machine) => {
        const program = exitProgram(name);
        const view = new DataView(program.buffer, program.byteOffset, program.length);
        const isLittle = order === 1;
        expect([...program.subarray(0, 7)]).toEqual([0x7f, 0x45, 0x4c, 0x46, 2, order, 1]);
        expect([view.getUint16(16, isLittle), view.getUint16(18, isLittle)]).toEqual([2, machine]);
        const [entry, segments] = [24, 32].map((at) => view.getBigUint64(at, isLittle));
        expect([segments, view.getUint16(54, isLittle), view.getUint16(56, isLittle)]).toEqual([64n, 56, 1]);
        const [type, flags] = [64, 68].map((at) => view.getUint32(at, isLittle));
        const [offset, address, , inFile, inMemory, align] = [72, 80, 88, 96, 104, 112].map((at) =>
            view.getBigUint64(at, isLittle),
        );
        expect({ type, flags, offset, inFile, inMemory }).toEqual({
            ...{ type: 1, flags: 5, offset: 0n },
            ...{ inFile: BigInt(program.length), inMemory: BigInt(program.length) },
        });
        expect(entry).toBe((address ?? 0n) + 120n);
        expect((address ?? 1n) % (align ?? 0n)).toBe(0n);
    },
);
