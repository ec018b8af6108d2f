import { join } from "node:path";
import { HarborSite } from "../support/harbor/harbor-site";
import { OWNER } from "../support/quay/account";
import { QuaySite } from "../support/quay/quay-site";
import { Contents } from "../support/registry-contents";
import type { RegistryProcess } from "../support/registry-process";
import { FIXTURES, TestSite } from "../support/site";
import type { TestStack } from "../support/stack";

/*
 * A first stack fills a registry, and its state is thrown away: a second one, with an empty backend, meets everything
 * that the first one created.
 */

jest.setTimeout(600_000);

/** A kind of registry with its site. */
interface Lab {
    /** An empty stack of the same name. */
    readonly newStack: (registry?: object) => Promise<TestStack>;
    /** The registry that holds the content. */
    readonly registry: RegistryProcess;
    /** Requests that change something in projects, organizations, repositories or accounts. */
    readonly managementWrites: () => string[];
    /** Robot account -> secret. */
    readonly robots: () => ReadonlyMap<string, string>;
    /** The repositories as the administration of the registry lists them. */
    readonly repositories: () => string[];
    readonly remove: () => Promise<void>;
}

async function harborLab(): Promise<Lab> {
    const site = await HarborSite.create();
    const { fake } = site;
    const stacks: TestStack[] = [];
    return {
        newStack: async (registry) => {
            const stack = await site.newStack(registry);
            stacks.push(stack);
            return stack;
        },
        registry: fake.registry,
        managementWrites: () => fake.writes(),
        robots: () => new Map(fake.harbor.robots.map(({ name, secret }) => [name, secret])),
        repositories: () => new Contents(fake.registry).repositories("mirror"),
        remove: async () => {
            for (const stack of stacks) stack.remove();
            await site.remove();
        },
    };
}

async function quayLab(flavour: "quay" | "mirror-registry"): Promise<Lab> {
    const site = await QuaySite.create(flavour);
    const { model } = site.quay;
    const scopes = ["org:admin", "repo:admin", "user:admin"];
    const token = flavour === "quay" ? undefined : model.addGrant(OWNER.username, scopes);
    const organization = () => model.organizations.get("mirror");
    const session = /\/signin$|\/applications(?:\/|$)|\/oauth\//;
    return {
        newStack: async (registry = {}) => {
            const stack = await site.stack({ registry }, token);
            if (token !== undefined) await stack.setConfig("superuserPassword", "canary-superuser-77aa", true);
            return stack;
        },
        registry: site.quay.registry,
        managementWrites: () =>
            site.quay
                .writes()
                .map(({ method, path }) => `${method} ${path}`)
                .filter((write) => !session.test(write)),
        robots: () => new Map([...(organization()?.robots.values() ?? [])].map(({ name, token }) => [name, token])),
        repositories: () => [...(organization()?.repositories.keys() ?? [])].sort(),
        remove: async () => {
            expect(site.quay.strange).toEqual([]);
            await site.remove();
        },
    };
}

interface Plan {
    readonly uploads: number;
    readonly sets: readonly { readonly images: readonly { readonly state: string }[] }[];
}

/** What `passthrough plan` finds: how many images in which state. */
async function plannedStates(stack: TestStack): Promise<Record<string, number>> {
    const run = await stack.passthrough("plan", "--json");
    expect(run).toMatchObject({ code: 0 });
    const states = (JSON.parse(run.out) as Plan).sets.flatMap(({ images }) => images.map(({ state }) => state));
    const count = (wanted: string) => states.filter((state) => state === wanted).length;
    return Object.fromEntries([...new Set(states)].sort().map((state) => [state, count(state)]));
}

describe.each([
    ["harbor", harborLab, "the project mirror", "robot$mirror+puller-1", "it expires on 20"],
    ["quay", () => quayLab("quay"), "the organization mirror", "mirror+puller-1", "it does not expire"],
    ["mirror-registry", () => quayLab("mirror-registry"), "the organization mirror", "mirror+puller-1", "it does not"],
] as const)("the state of a stack at %s is lost", (_kind, start, place, puller, expiry) => {
    let lab: Lab;
    let before: ReadonlyMap<string, string>;
    let writesBefore: number;
    let stack: TestStack;
    const newWrites = () => lab.managementWrites().slice(writesBefore);

    beforeAll(async () => {
        lab = await start();
        const first = await lab.newStack();
        expect(await first.up()).toMatchObject({ code: 0 });
        before = lab.robots();
        first.remove();
        writesBefore = lab.managementWrites().length;
        lab.registry.forget();
    });

    afterAll(() => lab.remove());

    test("without registry.adopt, preview, plan and up stop before the first write and name the key", async () => {
        const refused = await lab.newStack();
        for (const run of [await refused.preview(), await refused.up(), await refused.upOnly("--skip-preview")]) {
            expect(run.code).toBe(1);
            expect(run.text).toContain(`${place}: it already exists, and this stack did not create it`);
            expect(run.text).toContain("set site.registry.adopt: true to use it (that would change: nothing in it)");
        }
        const plan = await refused.passthrough("plan");
        expect(plan.code).toBe(78);
        expect(plan.error).toContain("with site.registry.adopt: true");
        expect(newWrites()).toEqual([]);
        expect(lab.registry.writes()).toEqual([]);
    });

    test("with it, the preview names what is there and the old accounts, and plan lists it exactly, without a write", async () => {
        stack = await lab.newStack({ adopt: true });
        const preview = await stack.preview();
        expect(preview).toMatchObject({ code: 0 });
        expect(preview.text).toContain(`${place} already exists and is adopted`);
        expect(preview.text).toContain("would adopt what is there, up to 6 images");
        expect(preview.text).toContain(
            `${puller}, created for stack test, is not managed by this stack and stays as it is: ${expiry}`,
        );
        expect(await plannedStates(stack)).toEqual({ present: 6 });
        expect(newWrites()).toEqual([]);
        expect(lab.registry.writes()).toEqual([]);
    });

    test("up sends no blob and no manifest, ends proven with the next generation, and the old secrets stay valid", async () => {
        const repositories = lab.repositories();
        expect(await stack.up()).toMatchObject({ code: 0 });
        expect(lab.registry.writes()).toEqual([]);
        const after = lab.robots();
        expect([...after.keys()].sort()).toEqual(
            ["importer-1", "importer-2", "puller-1", "puller-2"].map((name) => `mirror+${name}`),
        );
        for (const [name, secret] of before) expect(after.get(name)).toBe(secret);
        expect(lab.repositories()).toEqual(repositories);
        expect(newWrites().filter((write) => write.startsWith("DELETE"))).toEqual([]);
        const outputs = await stack.outputs();
        expect(outputs.validation).toMatchObject({ status: "proven", images: 6 });
        expect(outputs.robots).toMatchObject({ puller: { username: puller.replace("-1", "-2") } });
        expect(await stack.preview("--expect-no-changes")).toMatchObject({ code: 0 });
        expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
    });

    test("a destroy leaves what existed before: the project or organization, the images and the old accounts", async () => {
        const repositories = lab.repositories();
        expect(await stack.destroy()).toMatchObject({ code: 0 });
        expect(lab.robots()).toEqual(before);
        expect(lab.repositories()).toEqual(repositories);
        expect(lab.registry.writes()).toEqual([]);
    });
});

describe("the state of a stack at distribution is lost", () => {
    let site: TestSite;
    let stack: TestStack;

    beforeAll(async () => {
        site = await TestSite.create(join(FIXTURES, "with-mapping"));
        expect(await site.stack.up()).toMatchObject({ code: 0 });
        await site.loseState();
        ({ stack } = site);
        site.registry.forget();
    });

    afterAll(() => site.remove());

    test("up uses what is there, with or without registry.adopt, sends nothing, and ends proven", async () => {
        const quiet = await stack.preview();
        expect(quiet).toMatchObject({ code: 0 });
        expect(quiet.text).not.toContain("would adopt");
        stack.configure(site.document({ registry: { adopt: true } }));
        const preview = await stack.preview();
        expect(preview).toMatchObject({ code: 0 });
        expect(preview.text).toContain("would adopt what is there, up to 6 images");
        expect(site.registry.accesses()).toEqual([]);
        expect(await plannedStates(stack)).toEqual({ present: 6 });
        expect(await stack.up()).toMatchObject({ code: 0 });
        expect(site.registry.writes()).toEqual([]);
        expect((await stack.outputs()).validation).toMatchObject({ status: "proven", images: 6 });
        expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
    });

    test("plan counts what is missing, and up sends just that", async () => {
        await site.loseState();
        ({ stack } = site);
        new Contents(site.registry).remove("mirror/quay.io/team0");
        site.registry.forget();
        expect(await plannedStates(stack)).toEqual({ present: 5, push: 1 });
        expect(site.registry.writes()).toEqual([]);
        expect(await stack.up()).toMatchObject({ code: 0 });
        const repositories = site.registry
            .writes()
            .map(({ path }) => /^\/v2\/(.+)\/(?:blobs|manifests)\//.exec(path)?.[1]);
        expect([...new Set(repositories)]).toEqual(["mirror/quay.io/team0/app0"]);
        expect((await stack.outputs()).validation).toMatchObject({ status: "proven", images: 6 });
    });
});
