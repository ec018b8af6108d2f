import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openArchive } from "../../../lib/archives";
import { RegistryClient } from "../../../lib/distribution/client/registry-client";
import { executePlan, planImport } from "../../../lib/import";
import { readLock } from "../../../lib/lock";
import { parseMirrorBase } from "../../../lib/mirror/mirror-reference";
import { type TestAuthority, testAuthority } from "../certificates";
import type { RegistryProcess } from "../registry-process";
import { FIXTURES } from "../site";
import { PROJECT, TestStack } from "../stack";
import { OWNER } from "./account";
import { FakeQuay } from "./fake-quay";

const ARCHIVE = join(FIXTURES, "with-mapping");
const LOCK = join(PROJECT, "test/fixtures/locks/with-mapping.lock.json");
/** A Docker image whose layers are not compressed: Quay rejects it. */
const UNCOMPRESSED = "quay.io/legacy/v2s2:1.0";

/** Puts that image of the archive into the registry behind Quay, as if an older release had accepted it. */
async function pushUncompressedImage({ host }: RegistryProcess): Promise<void> {
    const archive = await openArchive(ARCHIVE);
    const client = new RegistryClient({ endpoint: { host, plainHttp: true } });
    try {
        const set = await readLock(LOCK);
        const images = { [UNCOMPRESSED]: set.images[UNCOMPRESSED] ?? "" };
        const base = parseMirrorBase(`${host}/mirror`);
        const plan = await planImport(client, { images, set, base, suspects: new Set() });
        const { failed } = await executePlan(client, archive.source, plan);
        if (failed.length > 0) throw new Error(JSON.stringify(failed));
    } finally {
        await client.close();
        await archive.close();
    }
}

/** A fake Quay with TLS in front of a real registry, an owner, and stacks that bring six images into it. */
export class QuaySite {
    readonly folder = mkdtempSync(join(tmpdir(), "quay "));
    private readonly stacks: TestStack[] = [];

    private constructor(
        readonly flavour: "quay" | "mirror-registry",
        readonly authority: TestAuthority,
        readonly quay: FakeQuay,
    ) {}

    static async create(flavour: "quay" | "mirror-registry"): Promise<QuaySite> {
        const authority = await testAuthority();
        const quay = await FakeQuay.start(flavour, await authority.issue());
        quay.model.addUser(OWNER.username, OWNER.password);
        await pushUncompressedImage(quay.registry);
        const site = new QuaySite(flavour, authority, quay);
        writeFileSync(join(site.folder, "ca.crt"), authority.ca);
        return site;
    }

    /** All that Quay knows and has is gone, but for the image that it would not accept again. */
    async loseContent(): Promise<void> {
        const { model, registry } = this.quay;
        model.users.clear();
        model.organizations.clear();
        rmSync(registry.storage(), { recursive: true });
        // It remembers blobs that it had.
        await registry.restart();
        await pushUncompressedImage(registry);
    }

    /** A stack of this site; `OWNER` administers unless a token is given. */
    async stack(changes: { registry?: object; robots?: object } = {}, token?: string): Promise<TestStack> {
        const account = token === undefined ? OWNER : {};
        const stack = await TestStack.create({ site: this.document(changes), ...account });
        if (token !== undefined) await stack.setConfig("registryToken", token, true);
        this.stacks.push(stack);
        return stack;
    }

    document({ registry, robots }: { registry?: object; robots?: object } = {}): object {
        return {
            registry: {
                type: this.flavour,
                mirrorBase: `${this.quay.host}/mirror`,
                ca: join(this.folder, "ca.crt"),
                ...registry,
            },
            ...(robots === undefined ? {} : { robots }),
            cluster: { version: "4.20.0", contactSource: "never" },
            transfer: { retrySeconds: 5 },
            content: [{ archive: ARCHIVE, lock: LOCK }],
        };
    }

    async remove(): Promise<void> {
        await this.quay.stop();
        for (const stack of this.stacks) stack.remove();
        rmSync(this.folder, { recursive: true, force: true });
    }
}
