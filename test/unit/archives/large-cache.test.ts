import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeArchive, openArchive } from "../../../lib/archives";
import { computeDigest, digestHex } from "../../../lib/oci/digest";
import { type OcMirrorSpec, ocMirrorEntries, paxEntry, tar, tarEntry, testImage } from "../../support/archives";

/** Takes 2 GiB of disk and longer than a unit test may: `LARGE=1 npx jest large-cache`. */
const whenLarge = process.env["LARGE"] === "1" ? it : it.skip;
const MIB = 1024 * 1024;

/** A million links of a thousand layers, each with a PAX header, as long repository names have them. */
function makeLinks(path: string): void {
    const links = Array.from({ length: 1000 }, (_, at) => {
        const digest = computeDigest(`layer ${at}`);
        const name = `docker/registry/v2/repositories/org/r${at % 50}/_layers/sha256/${digestHex(digest)}/link`;
        return Buffer.concat([paxEntry({ path: name }), tarEntry({ name: "cut", body: digest })]);
    });
    const block = Buffer.concat(links);
    writeFileSync(path, "");
    for (let count = 0; count < 1000; count++) appendFileSync(path, block);
}

whenLarge(
    "a cache with a million links is indexed without keeping them",
    async () => {
        const image = testImage("app");
        const spec: OcMirrorSpec = {
            tags: [{ repository: "org/app", tag: "1", image }],
            imageSet: ["quay.io/org/app:1"],
        };
        const folder = mkdtempSync(join(tmpdir(), "large-"));
        try {
            const path = join(folder, "mirror_000001.tar");
            makeLinks(path);
            appendFileSync(path, tar(ocMirrorEntries(spec)));
            const before = process.memoryUsage().heapUsed;
            const archive = await openArchive(folder);
            expect(process.memoryUsage().heapUsed - before).toBeLessThan(200 * MIB);
            expect(Object.keys((await describeArchive(archive, [])).lock.images)).toEqual(["quay.io/org/app:1"]);
            await archive.close();
        } finally {
            rmSync(folder, { recursive: true });
        }
    },
    120_000,
);
