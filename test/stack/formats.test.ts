import { readFileSync } from "node:fs";
import { join } from "node:path";
import { FIXTURES, TestSite } from "../support/site";

jest.setTimeout(300_000);

const ARCHIVES = join(FIXTURES, "..");
const KEY = "quay.io/fixture/app:1";
const UPSTREAM = /^app (\S+)$/m.exec(readFileSync(join(ARCHIVES, "digests.txt"), "utf8"))?.[1] ?? "";
let site: TestSite;

beforeAll(async () => {
    site = await TestSite.create();
    await site.addSet(join(ARCHIVES, "podman"), "docker-*.tar");
    site.stack.configure(site.document());
});

afterAll(() => site.remove());

test("what podman saved is said to be known by tag only, offered to tag mirrors alone, and proven by its tag", async () => {
    const preview = await site.stack.preview();
    expect(preview.text).toContain(
        "2 images are known by tag only: their upstream digest is lost, so pulls by digest will not find them: " +
            "quay.io/fixture/app:1, quay.io/fixture/v2s2:1",
    );
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    const { images, mirrorRules, validation } = await site.stack.outputs();
    expect(images).toMatchObject({ [KEY]: { mark: "tag-only" } });
    expect(mirrorRules).toContain("ImageTagMirrorSet");
    expect(mirrorRules).not.toContain("ImageDigestMirrorSet");
    expect(validation).toMatchObject({ status: "proven", images: 2 });
    expect(await site.stack.up("--expect-no-changes")).toMatchObject({ code: 0 });
});

test("the same image with its own digest, compressed, takes the tag: from then on pulls by digest find it", async () => {
    await site.addSet(join(ARCHIVES, "packed"), "one-frame.tar.zst");
    site.stack.configure(site.document());
    const up = await site.stack.up();
    expect(up).toMatchObject({ code: 0 });
    expect(up.text).toContain("is compressed with zstd: all of its 8.70 kB are unpacked each time it is read");
    const { images, mirrorRules, validation } = await site.stack.outputs();
    expect((images as Record<string, unknown>)[KEY]).toEqual({
        mirror: expect.stringContaining("/mirror/quay.io/fixture/app:1") as string,
        digest: UPSTREAM,
    });
    expect(mirrorRules).toContain("ImageDigestMirrorSet");
    // The one that lost its tag is still there, by the digest it has here.
    expect(validation).toMatchObject({ status: "proven", images: 3 });
    expect(await site.stack.up("--expect-no-changes")).toMatchObject({ code: 0 });
});
