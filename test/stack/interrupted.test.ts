import { QuaySite } from "../support/quay/quay-site";

jest.setTimeout(300_000);

interface StoredResource {
    readonly type: string;
    readonly outputs?: { readonly made?: readonly string[]; readonly repositories?: readonly string[] };
}

test("one SIGINT to the engine ends the creation of repositories; the state has what was created, the next up the rest", async () => {
    const site = await QuaySite.create("quay");
    try {
        const stack = await site.stack();
        const stored = async () => {
            const { deployment } = JSON.parse(await stack.state()) as {
                deployment: { resources: StoredResource[]; pending_operations?: unknown[] };
            };
            expect(deployment.pending_operations ?? []).toEqual([]);
            return deployment.resources.find(({ type }) => type.endsWith(":RepositorySet"))?.outputs?.made;
        };
        let asked = 0;
        const waiting = new Promise<void>((resolve) => {
            site.quay.hold = (method, path) => {
                if (method !== "POST" || path !== "/api/v1/repository" || ++asked <= 2) return undefined;
                resolve();
                // Longer than any test: only the interrupt ends this request.
                return new Promise(() => undefined);
            };
        });
        const { child, done } = stack.startUp();
        await waiting;
        child.kill("SIGINT");
        const { code, text } = await done;
        expect(code).not.toBe(0);
        expect(text).toContain("the run was interrupted");
        const organization = site.quay.model.organizations.get("mirror");
        const created = [...(organization?.repositories.keys() ?? [])];
        expect(created).toHaveLength(2);
        expect(await stored()).toEqual(expect.arrayContaining(created));
        expect([organization?.applications.size, site.quay.model.grants.size]).toEqual([0, 0]);

        site.quay.hold = undefined;
        expect(await stack.up()).toMatchObject({ code: 0 });
        expect(await stored()).toHaveLength(6);
        expect(await stack.preview("--expect-no-changes")).toMatchObject({ code: 0 });
    } finally {
        await site.remove();
    }
});
