import { rmSync } from "node:fs";
import { join } from "node:path";
import { ArchiveBench, type TestImage, ociLayoutFiles, testImage } from "../support/archives";
import { stored } from "../support/registry-process";
import { FIXTURES, TestSite } from "../support/site";

jest.setTimeout(300_000);

const FIRST = join(FIXTURES, "incremental/1");
const SECOND = join(FIXTURES, "incremental/2");
const bench = new ArchiveBench();
let site: TestSite;

afterEach(async () => {
    await site.remove();
    await bench.clear();
});

test("a later archive without the one it builds on says so; with it, both are complete", async () => {
    site = await TestSite.create(SECOND);
    const alone = await site.stack.up();
    expect(alone.code).toBe(1);
    expect(alone.text).toContain("quay.io/team0/app0:v1");
    expect(alone.text).toContain("import the earlier archive first");

    await site.addSet(FIRST);
    site.reverseSets();
    site.stack.configure(site.document());
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    const { images, validation } = await site.stack.outputs();
    expect(Object.keys(images as object)).toEqual([
        "quay.io/multi/tool:2.0",
        "quay.io/team0/app0:v1",
        "quay.io/team1/app1:v1b",
        "registry.redhat.io/team1/app1:v1",
    ]);
    expect(validation).toMatchObject({ status: "proven", images: 4 });
    expect(await site.stack.preview("--expect-no-changes")).toMatchObject({ code: 0 });
});

test("a tag that a later set moves is moved; the earlier image stays by its digest, and runs do not fight", async () => {
    const [one, two] = [testImage("first"), testImage("second")];
    const layout = (image: TestImage) => bench.folder(ociLayoutFiles([{ image, name: "quay.io/org/app:latest" }]));
    site = await TestSite.create(await layout(one));
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    await site.addSet(await layout(two));
    // The first set's archive has left the machine: nothing of it has to be sent again.
    rmSync(join(site.folder, "set1"), { recursive: true });
    site.stack.configure(site.document());
    const preview = await site.stack.preview();
    expect(preview.text).toContain("a later set moves 1 tag (quay.io/org/app:latest)");
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    const { images } = await site.stack.outputs();
    expect(images).toMatchObject({
        "quay.io/org/app:latest": { digest: two.digest },
        [`quay.io/org/app@${one.digest}`]: { digest: one.digest },
    });
    expect(stored(site.registry, one.digest)).toEqual(one.manifest);
    expect(await site.stack.up("--expect-no-changes")).toMatchObject({ code: 0 });
});

test("a set that is taken out of the configuration leaves its images in the registry", async () => {
    site = await TestSite.create(FIRST, SECOND);
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    site.dropLastSet();
    site.stack.configure(site.document());
    site.registry.forget();
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    expect(site.registry.writes()).toEqual([]);
});
