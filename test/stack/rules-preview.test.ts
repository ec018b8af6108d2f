import { join } from "node:path";
import { FIXTURES, TestSite } from "../support/site";

jest.setTimeout(300_000);

let site: TestSite;

beforeAll(async () => {
    site = await TestSite.create(join(FIXTURES, "with-mapping"));
    expect(await site.stack.up()).toMatchObject({ code: 0 });
});

afterAll(() => site.remove());
afterEach(() => site.stack.configure(site.document()));

const comment = async () => (await site.stack.passthrough("plan", "--offline", "--markdown")).out;
const RULES = "mirror rules: 3 sources to change; nodes drain and reload CRI-O, one after the other";

test("nothing changed: preview and comment say so", async () => {
    expect(await site.stack.preview("--expect-no-changes")).toMatchObject({ code: 0 });
    expect(await comment()).toContain("**Clusters:** no change for clusters");
    const plan = await site.stack.passthrough("plan", "--offline", "--exit-code");
    expect(plan).toMatchObject({ code: 0 });
});

test("a change of contactSource alone is in the preview, in --diff, and in the comment, with its effect on nodes", async () => {
    site.stack.configure(site.document({ cluster: { contactSource: "allow" } }));
    const { text } = await site.stack.preview();
    expect(text).toContain(`${RULES}\n`);
    expect(text).toMatch(/~ quay\.io: upstream: forbidden -> allowed/);
    expect(text).toMatch(/~ ImageTagMirrorSet passthrough-tag/);
    const diff = (await site.stack.preview("--diff")).text;
    expect(diff).toContain('mirrorSourcePolicy: "NeverContactSource" => "AllowContactingSource"');
    expect(diff).toContain(RULES);
    const markdown = await comment();
    expect(markdown).toContain(`**Clusters:** ${RULES}`);
    expect(markdown).toContain("| `~ quay.io: upstream: forbidden -> allowed` |");
    expect(await site.stack.passthrough("plan", "--offline", "--exit-code")).toMatchObject({ code: 3 });
});

test("a change of the cluster's version alone is in all of them, also where no object changes", async () => {
    site.stack.configure(site.document({ cluster: { version: "4.19.3" } }));
    expect((await site.stack.preview()).text).toContain("cluster version: 4.20.0 -> 4.19.3");
    expect((await site.stack.preview("--diff")).text).toContain('clusterVersion: "4.20.0" => "4.19.3"');
    expect(await comment()).toContain("**Clusters:** cluster version: 4.20.0 -&#62; 4.19.3");
    site.stack.configure(site.document({ cluster: { version: "4.12.0", contactSource: "allow" } }));
    const old = (await site.stack.preview()).text;
    expect(old).toMatch(/\+ ImageContentSourcePolicy passthrough/);
    expect(old).toMatch(/- ImageTagMirrorSet passthrough-tag/);
});
