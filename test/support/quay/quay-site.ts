import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestAuthority, testAuthority } from "../certificates";
import { FIXTURES } from "../site";
import { PROJECT, TestStack } from "../stack";
import { OWNER } from "./account";
import { FakeQuay } from "./fake-quay";

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
        const site = new QuaySite(flavour, authority, quay);
        writeFileSync(join(site.folder, "ca.crt"), authority.ca);
        return site;
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
            content: [
                {
                    archive: join(FIXTURES, "with-mapping"),
                    lock: join(PROJECT, "test/fixtures/locks/with-mapping.lock.json"),
                },
            ],
        };
    }

    async remove(): Promise<void> {
        await this.quay.stop();
        for (const stack of this.stacks) stack.remove();
        rmSync(this.folder, { recursive: true, force: true });
    }
}
