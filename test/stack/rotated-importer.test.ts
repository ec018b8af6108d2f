import { HarborSite } from "../support/harbor/harbor-site";

jest.setTimeout(600_000);

test("another account for the importer: the resource of the images gets it, and asks the registry nothing", async () => {
    const site = await HarborSite.create();
    const { fake, stack } = site;
    try {
        expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
        stack.configure(site.document({}, { robots: { importer: { rotate: "audit" } } }));
        const preview = await stack.preview();
        expect(preview.text).toContain("importer-1 -> importer-2: site.robots.importer.rotate was changed");
        fake.content.length = 0;
        const up = await stack.upOnly("--skip-preview");
        expect(up).toMatchObject({ code: 0 });
        expect(up.text).toMatch(/ImageImport .*updated/);
        expect(fake.harbor.robots.map(({ name }) => name).sort()).toEqual(["mirror+importer-2", "mirror+puller-1"]);
        // All of it is the proof of the new account: a manifest, its configuration, the manifest again.
        const asked = fake.content.filter(({ username }) => username !== "");
        expect(new Set(asked.map(({ username }) => username))).toEqual(new Set(["robot$mirror+importer-2"]));
        const kinds = asked.map(({ method, path }) => `${method} ${path.replace(/^\/v2\/.+\/(\w+)\/[^/]+$/, "$1")}`);
        expect(kinds.filter((kind) => kind !== "GET manifests" && kind !== "GET /v2/")).toEqual([
            "GET blobs",
            "PUT manifests",
        ]);
        const repositories = asked.flatMap(({ path }) => /^\/v2\/(.+)\/\w+\/[^/]+$/.exec(path)?.[1] ?? []);
        expect(new Set(repositories).size).toBe(1);
        const { pushSecret } = await stack.outputs();
        const login = `robot$mirror+importer-2:${fake.harbor.robot("importer-2").secret}`;
        const auth = Buffer.from(login, "utf8").toString("base64");
        expect(JSON.parse(String(pushSecret))).toEqual({ auths: { [fake.host]: { auth } } });
        expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
    } finally {
        await site.remove();
    }
});
