import { HarborSite } from "../support/harbor/harbor-site";

jest.setTimeout(600_000);

let site: HarborSite;

beforeAll(async () => {
    site = await HarborSite.create();
});

afterAll(() => site.remove());

test("blobs that the registry has lost are in no list: the proof finds them, and the same up sends them again", async () => {
    const { fake, stack } = site;
    expect(await stack.up()).toMatchObject({ code: 0 });
    const [repository = ""] = fake.contents.repositories("mirror");
    fake.contents.removeBlobs(repository);
    const drift = await stack.refreshPreview("--expect-no-changes");
    expect(drift.code).toBe(7);
    expect(drift.text).toContain("it is missing");
    fake.content.length = 0;
    expect(await stack.up()).toMatchObject({ code: 0 });
    const written = fake.content.filter(({ method }) => method === "PUT" || method === "POST");
    expect(written.length).toBeGreaterThan(0);
    expect(written.every(({ path }) => path.startsWith(`/v2/${repository}/`))).toBe(true);
    expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
});
