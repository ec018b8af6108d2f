import { harbor } from "../../../lib/registries/harbor";
import type { RegistryAccount, RegistryManagement } from "../../../lib/registries/registry-admin";
import type { RegistryError } from "../../../lib/errors/errors";
import { type TestAuthority, testAuthority } from "../certificates";
import { disturbOnce, registryFailure } from "../managed-fake";
import type { Reply } from "./exchange";
import { FakeHarbor } from "./fake-harbor";

export const ADMIN = { username: "admin", password: "canary-7be1" };
export const MAINTAINER = { username: "somebody", password: "canary-5510" };

/** A fake Harbor with two users, and the program's own administration of it. */
export class ManagedHarbor {
    private constructor(
        readonly authority: TestAuthority,
        readonly fake: FakeHarbor,
    ) {}

    static async start(): Promise<ManagedHarbor> {
        const authority = await testAuthority();
        const fake = await FakeHarbor.start(await authority.issue());
        fake.harbor.users.push({ ...ADMIN, sysadmin: true }, { ...MAINTAINER, sysadmin: false });
        return new ManagedHarbor(authority, fake);
    }

    account(changes: Partial<RegistryAccount> = {}): RegistryAccount {
        const endpoint = { host: this.fake.host, ca: this.authority.ca };
        return { endpoint, credentials: ADMIN, retrySeconds: 0, ...changes };
    }

    check(changes: Partial<RegistryAccount> = {}) {
        return harbor.check(this.account(changes), "mirror");
    }

    managed(changes: Partial<RegistryAccount> = {}): RegistryManagement {
        const management = harbor.manage?.(this.account(changes));
        if (management === undefined) throw new Error("Harbor is managed");
        return management;
    }

    /** The error that the work ends with; it shows no secret. */
    failure(work: Promise<unknown>): Promise<RegistryError> {
        return registryFailure(work, [ADMIN.password, MAINTAINER.password, ...this.fake.everyLogin.keys()]);
    }

    /** The answer to the first request of this kind; later ones are Harbor's. */
    once(method: string, path: RegExp, reply: Reply | "drop"): void {
        disturbOnce(this.fake, method, path, reply);
    }
}
