import { quay } from "../../../lib/registries/quay/quay";
import type { AdminCredentials, RegistryManagement } from "../../../lib/registries";
import { OWNER, quayAccount, managing } from "../../support/quay/account";
import { FakeQuay } from "../../support/quay/fake-quay";
import type { Organization } from "../../support/quay/model";

const DESIRED = { namespace: "mirror", importer: "mirror+importer-1", puller: "mirror+puller-1" };

let fake: FakeQuay;
let mirror: Organization;

beforeEach(async () => {
    fake = await FakeQuay.start("quay");
    fake.model.addUser(OWNER.username, OWNER.password);
    mirror = fake.model.addOrganization("mirror", OWNER.username);
    const [push, pull] = [
        { name: "importer-1", namespace: "mirror", right: "push", description: "site-a importer" },
        { name: "puller-1", namespace: "mirror", right: "pull", description: "site-a puller" },
    ] as const;
    await manage(async ({ robots }) => [await robots.create(push), await robots.create(pull)]);
});

afterEach(async () => {
    expect(fake.strange).toEqual([]);
    await fake.stop();
});

function manage<T>(
    use: (management: Required<RegistryManagement>) => Promise<T>,
    credentials: AdminCredentials = OWNER,
) {
    return managing(quay, quayAccount(fake, credentials), use);
}

test("repositories cost one request each to create, and none each to look at", async () => {
    const names = Array.from({ length: 60 }, (_, i) => `quay.io/many/app${i}`).sort();
    const desired = { ...DESIRED, names };
    fake.accesses.length = 0;
    await manage(({ repositories }) => repositories.ensure(desired));
    expect(fake.accesses.length).toBeLessThan(60 + 30);
    fake.accesses.length = 0;
    await manage(({ repositories }) => repositories.read(desired));
    expect(fake.accesses.length).toBeLessThan(20);
});

test("rights are compared alike by holder and one by one", async () => {
    const names = Array.from({ length: 40 }, (_, i) => `quay.io/many/app${i}`).sort();
    const desired = { ...DESIRED, names };
    await manage(({ repositories }) => repositories.ensure(desired));
    const other = fake.model.addRobot(mirror, "importer-2").name;
    mirror.teams.set("builders", { role: "member", members: new Set() });
    [...mirror.repositories.values()].forEach(({ users, teams }, i) => {
        if (i % 5 === 0) users.set(other, i % 2 === 0 ? "write" : "read");
        if (i % 5 === 1) users.delete(DESIRED.importer);
        if (i % 5 === 2) users.set(DESIRED.puller, "admin");
        if (i % 5 === 3) teams.set("builders", "write");
    });
    const byHolder = await manage(({ repositories }) => repositories.read(desired));
    // Without the scope user:admin, the rights of a robot account cannot be listed.
    const token = fake.model.addGrant(OWNER.username, ["org:admin", "repo:admin"]);
    fake.accesses.length = 0;
    expect(await manage(({ repositories }) => repositories.read(desired), { token })).toEqual(byHolder);
    expect(fake.accesses.filter(({ path }) => path.endsWith("/permissions/user/"))).toHaveLength(40);
    expect([byHolder.differences.length, byHolder.warnings.length]).toEqual([16, 2]);
});
