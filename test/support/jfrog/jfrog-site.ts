import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { type TestAuthority, testAuthority } from "../certificates";
import { FIXTURES } from "../site";
import { PROJECT, TestStack } from "../stack";
import { FakeJFrog } from "./fake-jfrog";

const ARCHIVE = join(FIXTURES, "with-mapping");
const LOCK = join(PROJECT, "test/fixtures/locks/with-mapping.lock.json");

/** With what JSON, URLs and shells spell otherwise. */
export const ADMIN = { username: "admin", password: 'canary "4be0a7" & 100%+\\ü' } as const;

const { config } = parse(readFileSync(join(PROJECT, "examples/jfrog/Pulumi.example.yaml"), "utf8")) as {
    config: Record<string, { registry: object }>;
};
const EXAMPLE = config["registry-passthrough:site"] ?? { registry: {} };

/** A JFrog platform, and stacks that bring six images into it: a whole site on loopback. */
export class JFrogSite {
    readonly folder = mkdtempSync(join(tmpdir(), "jfrog "));
    private readonly stacks: TestStack[] = [];

    private constructor(
        readonly authority: TestAuthority,
        readonly fake: FakeJFrog,
    ) {}

    static async create(): Promise<JFrogSite> {
        const authority = await testAuthority();
        const fake = await FakeJFrog.start(await authority.issue());
        fake.platform.users.push({ ...ADMIN, isAdmin: true });
        const site = new JFrogSite(authority, fake);
        writeFileSync(join(site.folder, "ca.crt"), authority.ca);
        return site;
    }

    /** A stack of this site with an administrator's token or, without one, with the administrator's password. */
    async stack(registry: object = {}, token?: string): Promise<TestStack> {
        const account = token === undefined ? ADMIN : {};
        const stack = await TestStack.create({ site: this.document(registry), ...account });
        if (token !== undefined) await stack.setConfig("registryToken", token, true);
        this.stacks.push(stack);
        return stack;
    }

    /** The site of examples/jfrog, on this platform and with an archive of the fixtures. */
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
            content: [{ archive: ARCHIVE, lock: LOCK }],
            ...more,
        };
    }

    /** @throws if the platform was asked for something that no page documents */
    async remove(): Promise<void> {
        try {
            await this.fake.stop();
        } finally {
            for (const stack of this.stacks) stack.remove();
            rmSync(this.folder, { recursive: true, force: true });
        }
    }
}
