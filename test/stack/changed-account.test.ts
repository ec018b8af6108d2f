import { HarborSite, ADMIN as HARBOR_ADMIN } from "../support/harbor/harbor-site";
import { JFrogSite, ADMIN as JFROG_ADMIN } from "../support/jfrog/jfrog-site";
import { OWNER } from "../support/quay/account";
import { QuaySite } from "../support/quay/quay-site";
import type { TestStack } from "../support/stack";

jest.setTimeout(600_000);

const CHANGED = "another-canary-77d0e2";

/** A registry whose administrator's password is changed, and a stack of it. */
interface ChangedRegistry {
    readonly stack: TestStack;
    readonly was: string;
    /** At the registry, not in the configuration. */
    change(): void;
    /** Everything that was changed there, without the tokens that a run creates for itself. */
    writes(): unknown[];
    /** Robot accounts with their secrets. */
    robots(): unknown[];
    /** How many requests were rejected for their password. */
    rejected(): number;
    remove(): Promise<void>;
}

async function harbor(): Promise<ChangedRegistry> {
    const { stack, fake, remove } = bound(await HarborSite.create());
    const { users, robots } = fake.harbor;
    return {
        stack,
        was: HARBOR_ADMIN.password,
        change: () => users.splice(0, 1, { ...HARBOR_ADMIN, password: CHANGED, sysadmin: true }),
        writes: () => fake.writes(),
        robots: () => robots.map(({ id, name, secret }) => [id, name, secret]),
        rejected: () => fake.requests.filter(({ status }) => status === 401).length,
        remove,
    };
}

async function jfrog(): Promise<ChangedRegistry> {
    const site = bound(await JFrogSite.create());
    const { platform } = site.fake;
    return {
        stack: await site.stack(),
        was: JFROG_ADMIN.password,
        change: () => platform.users.splice(0, 1, { ...JFROG_ADMIN, password: CHANGED, isAdmin: true }),
        writes: () => site.fake.writes(),
        robots: () => platform.tokens.map(({ id, username, secret }) => [id, username, secret]),
        rejected: () => site.fake.rejectedLogins,
        remove: site.remove,
    };
}

async function quay(flavour: "quay" | "mirror-registry"): Promise<ChangedRegistry> {
    const site = bound(await QuaySite.create(flavour));
    const { model } = site.quay;
    return {
        stack: await site.stack(),
        was: OWNER.password,
        change: () => void model.addUser(OWNER.username, CHANGED),
        writes: () => site.quay.writes().filter(({ path }) => !/\/applications|\/oauth|\/signin/.test(path)),
        robots: () =>
            [...model.organizations.values()].flatMap(({ robots }) =>
                [...robots.values()].map(({ name, token }) => [name, token]),
            ),
        rejected: () =>
            site.quay.accesses.filter(({ path, status }) => path === "/api/v1/signin" && status === 403).length,
        remove: site.remove,
    };
}

/** With its method `remove` as a function. */
function bound<Site extends { remove(): Promise<void> }>(site: Site): Site {
    return Object.assign(site, { remove: site.remove.bind(site) });
}

test.each([
    ["Harbor", harbor],
    ["Quay", () => quay("quay")],
    ["mirror-registry", () => quay("mirror-registry")],
    ["JFrog", jfrog],
])("%s: the administrator's password is changed, and only the stored credentials are", async (_, start) => {
    const { stack, was, change, writes, robots, rejected, remove } = await start();
    try {
        expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
        const before = { writes: writes(), robots: robots() };
        change();

        const refused = await stack.up("--skip-preview");
        expect(refused.code).not.toBe(0);
        expect(refused.text).toContain("registryPassword");
        expect(refused.text).toMatch(/UNAUTHORIZED/);
        expect(rejected()).toBe(1);
        // Without the program all resources are looked at, at the same time.
        expect((await stack.refresh()).code).not.toBe(0);
        expect(rejected()).toBe(2);

        await stack.setConfig("registryPassword", CHANGED, true);
        const preview = await stack.preview();
        expect(preview).toMatchObject({ code: 0 });
        expect(preview.text).toContain(
            "registryPassword: the stored credentials change, and nothing else for it: no robot account, image or mirror rule",
        );
        expect(preview.text).not.toMatch(/to (create|replace|delete)\n/);
        const up = await stack.up("--skip-preview");
        expect(up).toMatchObject({ code: 0 });
        expect(up.text).not.toMatch(/\d (created|replaced|deleted)\n/);
        expect({ writes: writes(), robots: robots() }).toEqual(before);
        expect(rejected()).toBe(2);
        expect(await stack.up("--skip-preview", "--expect-no-changes")).toMatchObject({ code: 0 });
        for (const secret of [was, CHANGED]) expect(stack.printed + (await stack.state())).not.toContain(secret);
    } finally {
        await remove();
    }
});
