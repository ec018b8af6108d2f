import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeArchive, openArchive } from "../../lib/archives";
import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { needsArchive, planImport } from "../../lib/import";
import { UploadJournal } from "../../lib/import/transfer/upload-journal";
import { lockDigest } from "../../lib/lock";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { computeDigest } from "../../lib/oci/digest";
import { carryOut } from "../../lib/passthrough";
import { makeFolder, ociLayoutFiles, testImage } from "../support/archives";
import { RegistryProcess } from "../support/registry-process";

const REPOSITORY = "mirror/quay.io/org/app";

test("an import cancels what its own set has left open and needs no more, and keeps what is another set's", async () => {
    const registry = await RegistryProcess.start();
    const client = new RegistryClient({ endpoint: { host: registry.host, plainHttp: true } });
    const archive = await makeFolder(ociLayoutFiles([{ image: testImage("app"), name: "quay.io/org/app:1" }]));
    const state = mkdtempSync(join(tmpdir(), "left uploads "));
    const journals = join(state, "uploads");
    try {
        const opened = await openArchive(archive.path);
        const { lock } = await describeArchive(opened, []);
        await opened.close();
        const sets = [lockDigest(lock), computeDigest("another lock")];
        /** An upload of a layer that no plan has. @returns its place */
        const leave = async (owner: string) => {
            const layer = computeDigest(`a layer of ${owner}`);
            const begun = await client.uploads.start(REPOSITORY, layer);
            if (begun.mounted) throw new Error("nothing was to be mounted");
            const journal = await UploadJournal.open(journals, registry.host, owner);
            journal.begun(REPOSITORY, layer, begun.location);
            journal.close();
            return begun.location;
        };
        const isOpen = async (place: URL) => (await client.uploads.status(REPOSITORY, place)) !== undefined;
        const [own = "", another = ""] = sets;
        const kept = await leave(another);
        const set = { archive: [archive.path], path: "x.lock.json", lock };
        const options = { registryKind: "distribution", journals } as const;
        const base = parseMirrorBase(`${registry.host}/mirror`);
        for (const needs of [true, false]) {
            const left = await leave(own);
            expect([await isOpen(left), await isOpen(kept)]).toEqual([true, true]);
            const plan = await planImport(client, { images: lock.images, set: lock, base });
            expect(needsArchive(plan)).toBe(needs);
            expect((await carryOut(client, plan, set, options)).failed).toEqual([]);
            expect([await isOpen(left), await isOpen(kept)]).toEqual([false, true]);
        }
        const found = await Promise.all(sets.map((one) => UploadJournal.open(journals, registry.host, one)));
        expect(found.map(({ leftOpen }) => leftOpen.map(({ location }) => location))).toEqual([[], [kept]]);
    } finally {
        await client.close();
        await registry.stop();
        await archive.remove();
        rmSync(state, { recursive: true, force: true });
    }
});
