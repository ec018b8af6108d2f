import type { RegistryError } from "../../../lib/errors/errors";
import { jfrog } from "../../../lib/registries/jfrog";
import type { RegistryAccount, RegistryManagement } from "../../../lib/registries/registry-admin";
import { type TestAuthority, testAuthority } from "../certificates";
import { disturbOnce, registryFailure } from "../managed-fake";
import type { Reply } from "./exchange";
import { FakeJFrog } from "./fake-jfrog";

export const ADMIN = { username: "admin", password: "canary-51fd" };
export const SOMEBODY = { username: "somebody", password: "canary-09aa" };

/** A fake JFrog platform with two users and an administrator's token, and the program's own administration of it. */
export class ManagedJFrog {
    private constructor(
        readonly authority: TestAuthority,
        readonly fake: FakeJFrog,
        /** An administrator's token that does not expire. */
        readonly token: string,
    ) {}

    static async start(): Promise<ManagedJFrog> {
        const authority = await testAuthority();
        const fake = await FakeJFrog.start(await authority.issue());
        fake.platform.users.push({ ...ADMIN, isAdmin: true }, { ...SOMEBODY, isAdmin: false });
        const { secret } = fake.platform.addToken("admin", "applied-permissions/admin", 0);
        return new ManagedJFrog(authority, fake, secret);
    }

    account(changes: Partial<RegistryAccount> = {}): RegistryAccount {
        const endpoint = { host: this.fake.host, ca: this.authority.ca };
        return { endpoint, credentials: { token: this.token }, retrySeconds: 0, ...changes };
    }

    check(changes: Partial<RegistryAccount> = {}) {
        return jfrog.check(this.account(changes), "mirror");
    }

    /** One operation, closed after it. */
    async managing<T>(
        use: (management: RegistryManagement) => Promise<T>,
        changes: Partial<RegistryAccount> = {},
    ): Promise<T> {
        const management = jfrog.manage?.(this.account(changes));
        if (management === undefined) throw new Error("Artifactory is managed");
        try {
            return await use(management);
        } finally {
            await management.close();
        }
    }

    /** The error that the work ends with; it shows no secret. */
    failure(work: Promise<unknown>): Promise<RegistryError> {
        return registryFailure(work, [ADMIN.password, SOMEBODY.password, ...this.fake.platform.everyToken.keys()]);
    }

    /** The answer to the first request of this kind; later ones are the platform's. */
    once(method: string, path: RegExp, reply: Reply | "drop"): void {
        disturbOnce(this.fake, method, path, reply);
    }

    /** @throws if the program has asked for something that no page documents */
    stop(): Promise<void> {
        return this.fake.stop();
    }
}
