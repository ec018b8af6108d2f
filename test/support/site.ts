import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeArchive, openArchive } from "../../lib/archives";
import { writeLock } from "../../lib/lock";
import type { OnRemove } from "../../lib/mirror/on-remove";
import { type TestAuthority, testAuthority } from "./certificates";
import { RegistryProcess } from "./registry-process";
import { PROJECT, TestStack } from "./stack";

export const FIXTURES = join(PROJECT, "test/fixtures/archives/oc-mirror");

export const ACCOUNT = { username: "pusher", password: "canary-password-3f9a1c" } as const;

/** A registry with TLS and an account, a stack, and a folder for archives and locks: a whole site on loopback. */
export class TestSite {
    readonly folder = mkdtempSync(join(tmpdir(), "site "));
    private readonly sets: { archive: string; lock: string; exclude?: readonly string[] }[] = [];

    private constructor(
        readonly authority: TestAuthority,
        readonly registry: RegistryProcess,
    ) {}

    stack!: TestStack;

    static async create(...archives: string[]): Promise<TestSite> {
        const authority = await testAuthority();
        const registry = await RegistryProcess.start({ tls: await authority.issue(), account: ACCOUNT });
        const site = new TestSite(authority, registry);
        try {
            for (const archive of archives) await site.addSet(archive);
            writeFileSync(join(site.folder, "ca.crt"), authority.ca);
            site.stack = await TestStack.create({ site: site.document(), ...ACCOUNT });
        } catch (error) {
            await registry.stop();
            rmSync(site.folder, { recursive: true, force: true });
            throw error;
        }
        return site;
    }

    /** An empty stack with a new backend takes the place of the one whose state is thrown away. */
    async loseState(): Promise<void> {
        this.stack.remove();
        this.stack = await TestStack.create({ site: this.document(), ...ACCOUNT });
    }

    /** The site's configuration, with changes for one test. */
    document(changes: { registry?: object; cluster?: object; transfer?: object; onRemove?: OnRemove } = {}): object {
        return {
            registry: {
                type: "distribution",
                mirrorBase: `${this.registry.host}/mirror`,
                ca: join(this.folder, "ca.crt"),
                ...changes.registry,
            },
            cluster: { version: "4.20.0", contactSource: "never", ...changes.cluster },
            transfer: { retrySeconds: 2, ...changes.transfer },
            content: this.sets,
            ...(changes.onRemove === undefined ? {} : { onRemove: changes.onRemove }),
        };
    }

    /** Copies a fixture (a folder), so that a test may damage it, and locks what `pattern` names in it. */
    async addSet(fixture: string, pattern = ""): Promise<string> {
        const name = `set${this.sets.length + 1}`;
        const archive = join(this.folder, name);
        mkdirSync(archive);
        cpSync(fixture, archive, { recursive: true });
        await this.lock(join(name, pattern), name);
        this.sets.push({ archive: join(archive, pattern), lock: join(this.folder, `${name}.lock.json`) });
        return archive;
    }

    /** The set that was added last comes first. */
    reverseSets(): void {
        this.sets.reverse();
    }

    dropLastSet(): void {
        this.sets.pop();
    }

    /** Leaves images out of a set: in its lock file, and in the site's document from now on. */
    async exclude(name: string, ...exclude: string[]): Promise<void> {
        await this.lock(name, name, exclude);
        const at = this.sets.findIndex(({ lock }) => lock.endsWith(`${name}.lock.json`));
        const set = this.sets[at];
        if (set !== undefined) this.sets[at] = { ...set, exclude };
    }

    /** Makes the lock of a set from what its archive is now. */
    async lock(path: string, name = path, exclude: readonly string[] = []): Promise<void> {
        const archive = await openArchive(join(this.folder, path));
        try {
            const patterns = exclude.map((pattern) => ({ key: "site.content[].exclude", pattern }));
            const { lock } = await describeArchive(archive, [], { exclude: patterns });
            await writeLock(join(this.folder, `${name}.lock.json`), lock);
        } finally {
            await archive.close();
        }
    }

    /** Puts a fixture's one file back over a damaged copy. */
    restore(fixture: string, name: string): void {
        copyFileSync(join(fixture, "mirror_000001.tar"), join(this.folder, name, "mirror_000001.tar"));
    }

    async remove(): Promise<void> {
        await this.registry.stop();
        this.stack.remove();
        rmSync(this.folder, { recursive: true, force: true });
    }
}
