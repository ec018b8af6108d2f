import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FIXTURES, TestSite } from "../support/site";

jest.setTimeout(300_000);

let site: TestSite;

afterEach(() => site.remove());

const count = (text: string, pattern: RegExp) => text.match(new RegExp(pattern, "g"))?.length ?? 0;
const SHARED = /distribution cannot separate push from pull/;
const ACKNOWLEDGEMENT = /until the acknowledgement ack-4\.20-sigstore-in-4\.21/;

test("without a terminal an up prints each warning and note once, and no host that is not configured", async () => {
    site = await TestSite.create(join(FIXTURES, "with-mapping"));
    const { code, text } = await site.stack.up();
    expect(code).toBe(0);
    expect(count(text, SHARED)).toBe(1);
    expect(count(text, ACKNOWLEDGEMENT)).toBe(1);
    expect(count(text, /\+ quay\.io\/legacy\/v2s2:1\.0/)).toBe(1);
    expect(count(text, /registry\.connect\.redhat\.com/)).toBe(0);
    expect(text).not.toContain("previewed");
    const state = JSON.parse(await site.stack.state()) as { deployment: { resources: Record<string, object>[] } };
    for (const { inputs = {}, outputs = {} } of state.deployment.resources) {
        expect({ ...inputs, ...outputs }).not.toHaveProperty("__previewed");
    }

    const again = await site.stack.up("--expect-no-changes");
    expect(again).toMatchObject({ code: 0 });
    expect(count(again.text, SHARED)).toBe(0);
    expect(count(again.text, ACKNOWLEDGEMENT)).toBe(1);
});

test("an up that shows no preview prints them too; a host that is configured and has no content is named", async () => {
    site = await TestSite.create(join(FIXTURES, "with-mapping"));
    const upstreams = ["docker.io", "quay.io", "registry.redhat.io", "ghcr.io"];
    site.stack.configure({ ...site.document(), upstreams });
    const { code, text } = await site.stack.startUp().done;
    expect(code).toBe(0);
    expect(count(text, SHARED)).toBe(1);
    expect(count(text, ACKNOWLEDGEMENT)).toBe(1);
    expect(text).toContain("no rule yet, since there is no content, for: ghcr.io");
});

test("what this up removes itself is not reported as damage by the refreshes that follow in it", async () => {
    site = await TestSite.create(join(FIXTURES, "with-mapping"));
    site.stack.configure(site.document({ onRemove: "delete" }));
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    const path = join(site.folder, "set1.lock.json");
    const lock = JSON.parse(readFileSync(path, "utf8")) as Record<"images" | "nameSources", Record<string, unknown>>;
    for (const part of [lock.images, lock.nameSources]) Reflect.deleteProperty(part, "quay.io/legacy/v2s2:1.0");
    writeFileSync(path, JSON.stringify(lock));
    const { code, text } = await site.stack.up();
    expect(code).toBe(0);
    expect(text).toContain("removed from the registry: 1 image");
    expect(text).not.toContain("previewed");
    expect(text).not.toContain("warning:");
    expect(await site.stack.outputs()).toMatchObject({ validation: { status: "proven", images: 5, failing: [] } });
});
