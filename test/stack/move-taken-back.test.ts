import { HarborSite } from "../support/harbor/harbor-site";

jest.setTimeout(600_000);

let site: HarborSite | undefined;

beforeEach(() => {
    site = undefined;
});
afterEach(() => site?.remove());

test("a move that failed and is taken back deletes no puller that clusters may still pull with", async () => {
    const own = await HarborSite.create();
    site = own;
    const { fake, stack } = own;
    const names = () => fake.harbor.robots.map(({ name }) => name).sort();
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    const puller = { ...fake.harbor.robot("puller-1") };

    // It fails at the proof of the images, after the accounts of the former address were replaced in the state.
    fake.disturb = (method, path) =>
        method === "HEAD" && path.includes("/blobs/") ? { status: 500, json: {} } : undefined;
    stack.configure(own.document({ mirrorBase: `${fake.host.replace("localhost", "127.0.0.1")}/mirror`, adopt: true }));
    expect((await stack.up("--skip-preview")).code).not.toBe(0);
    expect(names()).toEqual(["mirror+importer-1", "mirror+importer-2", "mirror+puller-1", "mirror+puller-2"]);

    fake.disturb = () => undefined;
    stack.configure(own.document({ adopt: true }));
    const back = await stack.up("--skip-preview");
    expect(back).toMatchObject({ code: 0 });
    expect(fake.harbor.robot("puller-1")).toEqual(puller);
    expect(back.text).toContain("puller-1 at");
    expect(names()).toEqual(["mirror+importer-3", "mirror+puller-1", "mirror+puller-2", "mirror+puller-3"]);
    expect(await stack.up("--skip-preview", "--expect-no-changes")).toMatchObject({ code: 0 });

    expect(await stack.destroy()).toMatchObject({ code: 0 });
    expect(names()).toEqual(["mirror+puller-1", "mirror+puller-2"]);
});
