import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describeArchive, openArchive } from "../../lib/archives";
import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { planImport } from "../../lib/import";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { carryOut } from "../../lib/passthrough";
import { ociLayoutFiles, testImage } from "../support/archives";
import { RegistryProcess } from "../support/registry-process";

const UNCOMPRESSED = "application/vnd.docker.image.rootfs.diff.tar";

let folder: string;
let registry: RegistryProcess;
let client: RegistryClient;

beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "layers "));
    registry = await RegistryProcess.start();
    client = new RegistryClient({ endpoint: { host: registry.host, plainHttp: true } });
    const shared = Buffer.from("a layer of both ".repeat(500));
    const files = ociLayoutFiles([
        {
            image: testImage("plain", { docker: true, layers: [shared, Buffer.from("more")], layerType: UNCOMPRESSED }),
            name: "quay.io/org/app:uncompressed",
        },
        { image: testImage("gzip", { docker: true, layers: [shared] }), name: "quay.io/org/app:compressed" },
    ]);
    for (const [name, bytes] of files) {
        mkdirSync(dirname(join(folder, name)), { recursive: true });
        writeFileSync(join(folder, name), bytes);
    }
});

afterEach(async () => {
    await client.close();
    await registry.stop();
    rmSync(folder, { recursive: true, force: true });
});

test.each([
    ["quay", ["quay.io/org/app:compressed"]],
    ["mirror-registry", ["quay.io/org/app:compressed"]],
    ["harbor", ["quay.io/org/app:compressed", "quay.io/org/app:uncompressed"]],
] as const)(
    "at %s, a Docker image with uncompressed layers is named before the first byte and fails alone",
    async (kind, done) => {
        const archive = await openArchive(folder);
        const { lock } = await describeArchive(archive, []);
        await archive.close();
        const base = parseMirrorBase(`${registry.host}/mirror`);
        const plan = await planImport(client, { images: lock.images, set: lock, base });
        const warnings: string[] = [];
        const set = { archive: [folder], path: "x.lock.json", lock };
        const onWarning = (warning: string) => {
            expect(registry.accesses().filter(({ method }) => method === "POST")).toEqual([]);
            warnings.push(warning);
        };
        const result = await carryOut(client, plan, set, { registryKind: kind, onWarning });
        expect(Object.keys(result.done).sort()).toEqual(done);
        const named = warnings.filter((line) => line.includes("quay.io/org/app:uncompressed"));
        expect(named).toHaveLength(done.length === 1 ? 1 : 0);
        for (const line of named) expect(line).toContain('add exclude: ["quay.io/org/app:uncompressed"] to the set');
        expect(result.failed.map(({ source, problems }) => [source, problems[0]?.code])).toEqual(
            done.length === 1 ? [["quay.io/org/app:uncompressed", "MANIFEST_INVALID"]] : [],
        );
        expect(await client.tagList("mirror/quay.io/org/app")).toEqual(done.map((source) => source.split(":")[1]));
    },
);
