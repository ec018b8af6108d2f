import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { describeArchive, openArchive } from "../../../lib/archives";
import { writeLock } from "../../../lib/lock";
import { type TestAuthority, testAuthority } from "../certificates";
import { FIXTURES } from "../site";
import { PROJECT, TestStack } from "../stack";
import { FakeHarbor } from "./fake-harbor";

/** With what JSON, URLs and shells spell otherwise. */
export const ADMIN = { username: "admin", password: 'canary "2c7e51" & 100%+\\ü' } as const;

const { config } = parse(readFileSync(join(PROJECT, "examples/harbor/Pulumi.site-a.yaml"), "utf8")) as {
    config: Record<string, { registry: object }>;
};
const EXAMPLE = config["registry-passthrough:site"] ?? { registry: {} };

/** A Harbor, an archive with its lock, and a stack: a whole site on loopback. */
export class HarborSite {
    readonly folder = mkdtempSync(join(tmpdir(), "harbor "));

    private constructor(
        readonly authority: TestAuthority,
        readonly fake: FakeHarbor,
    ) {}

    stack!: TestStack;

    static async create(): Promise<HarborSite> {
        const authority = await testAuthority();
        const fake = await FakeHarbor.start(await authority.issue());
        fake.harbor.users.push({ ...ADMIN, sysadmin: true });
        const site = new HarborSite(authority, fake);
        const archive = join(site.folder, "set1");
        mkdirSync(archive);
        cpSync(join(FIXTURES, "with-mapping"), archive, { recursive: true });
        await site.lock(archive);
        writeFileSync(join(site.folder, "ca.crt"), authority.ca);
        site.stack = await site.newStack();
        return site;
    }

    /** Another stack of the same name, with a state of its own, on the same registry. */
    newStack(changes: object = {}): Promise<TestStack> {
        return TestStack.create({ site: this.document(changes), ...ADMIN });
    }

    /** The site of examples/harbor, on this Harbor and with this archive. */
    document(registry: object = {}, more: object = {}): object {
        return {
            ...EXAMPLE,
            registry: {
                ...EXAMPLE.registry,
                mirrorBase: `${this.fake.host}/mirror`,
                ca: join(this.folder, "ca.crt"),
                ...registry,
            },
            transfer: { retrySeconds: 2 },
            content: [{ archive: join(this.folder, "set1"), lock: join(this.folder, "set1.lock.json") }],
            ...more,
        };
    }

    async remove(): Promise<void> {
        await this.fake.stop();
        this.stack.remove();
        rmSync(this.folder, { recursive: true, force: true });
    }

    private async lock(folder: string): Promise<void> {
        const archive = await openArchive(folder);
        try {
            const { lock } = await describeArchive(archive, []);
            await writeLock(`${folder}.lock.json`, lock);
        } finally {
            await archive.close();
        }
    }
}
