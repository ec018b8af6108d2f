import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FIXTURES, TestSite } from "../support/site";

jest.setTimeout(300_000);

const V2S2 = "quay.io/legacy/v2s2:1.0";
let site: TestSite;

afterEach(() => site.remove());

const deletions = () => site.registry.writes().filter(({ method, status }) => method === "DELETE" && status === 202);

/** The set's lock without one of its images, as if it had been made without it. */
function dropImage(source: string): void {
    const path = join(site.folder, "set1.lock.json");
    const lock = JSON.parse(readFileSync(path, "utf8")) as Record<"images" | "nameSources", Record<string, unknown>>;
    const [images, nameSources] = [lock.images, lock.nameSources].map((map) => without(map, source));
    writeFileSync(path, JSON.stringify({ ...lock, images, nameSources }));
}

function without(map: Record<string, unknown>, source: string): Record<string, unknown> {
    return Object.fromEntries(Object.entries(map).filter(([name]) => name !== source));
}

test("an image that leaves is previewed by name and deleted, a destroy deletes the rest; state of before keeps", async () => {
    site = await TestSite.create(join(FIXTURES, "with-mapping"));
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    expect(await site.stack.state()).not.toContain("onRemove");

    dropImage(V2S2);
    const kept = await site.stack.preview();
    expect(kept.text).toContain("images: 0 to add, 0 to change, 1 to remove\n");
    expect(kept.text).toContain("1 image to remove from every set; it stays in the registry");
    site.stack.configure(site.document({ onRemove: "delete" }));
    const preview = await site.stack.preview();
    expect(preview.text).toContain(
        "1 image to remove from every set; it is deleted from the registry, unless something there still needs it",
    );
    expect(preview.text).toContain(`- ${V2S2}`);
    site.registry.forget();
    const up = await site.stack.up();
    expect(up).toMatchObject({ code: 0 });
    expect(up.text).toContain("removed from the registry: 1 image");
    expect(deletions().map(({ path }) => path.replace(/sha256:.*/, ""))).toEqual([
        "/v2/mirror/quay.io/legacy/v2s2/manifests/",
    ]);
    expect(await site.stack.up("--expect-no-changes")).toMatchObject({ code: 0 });

    site.registry.forget();
    expect(await site.stack.destroy()).toMatchObject({ code: 0 });
    expect(new Set(deletions().map(({ path }) => path.replace(/\/manifests.*/, "")))).toEqual(
        new Set([
            "/v2/mirror/docker.io/library/nginx",
            "/v2/mirror/quay.io/multi/tool",
            "/v2/mirror/quay.io/team0/app0",
            "/v2/mirror/quay.io/team1/app1",
            "/v2/mirror/registry.redhat.io/team1/app1",
        ]),
    );
});

test("an excluded image gets no byte, no tag and no rule; one that was imported before is removed", async () => {
    site = await TestSite.create(join(FIXTURES, "with-mapping"));
    await site.exclude("set1", "docker.io/**");
    site.stack.configure(site.document({ onRemove: "delete" }));
    const first = await site.stack.up();
    expect(first).toMatchObject({ code: 0 });
    expect(first.text).not.toContain("docker.io/");
    expect(site.registry.writes().filter(({ path }) => path.includes("docker.io"))).toEqual([]);
    const outputs = await site.stack.outputs();
    expect(JSON.stringify(outputs)).toContain("quay.io/legacy/v2s2");
    expect(JSON.stringify(outputs)).not.toContain("docker.io/");
    expect(outputs).toMatchObject({ validation: { status: "proven", images: 5 } });

    await site.exclude("set1", "docker.io/**", V2S2);
    site.stack.configure(site.document({ onRemove: "delete" }));
    const preview = await site.stack.preview();
    expect(preview.text).toContain("1 image to remove from every set; it is deleted from the registry");
    expect(preview.text).toContain(`- ${V2S2}`);
    site.registry.forget();
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    expect(deletions().map(({ path }) => path.replace(/sha256:.*/, ""))).toEqual([
        "/v2/mirror/quay.io/legacy/v2s2/manifests/",
    ]);
    expect(await site.stack.up("--expect-no-changes")).toMatchObject({ code: 0 });
});

test("a set that is taken out goes, without what another set has; today's word for it wins on a destroy", async () => {
    site = await TestSite.create(join(FIXTURES, "incremental/1"), join(FIXTURES, "incremental/2"));
    site.stack.configure(site.document({ onRemove: "delete" }));
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    site.dropLastSet();
    site.stack.configure(site.document({ onRemove: "delete" }));
    rmSync(join(site.folder, "set2.lock.json"));
    site.registry.forget();
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    const gone = new Set(deletions().map(({ path }) => path.replace(/\/manifests.*/, "")));
    expect(gone.size).toBeGreaterThan(0);
    const { validation } = await site.stack.outputs();
    expect(validation).toMatchObject({ status: "proven" });

    site.stack.configure(site.document());
    site.registry.forget();
    expect(await site.stack.destroy("--run-program")).toMatchObject({ code: 0 });
    expect(deletions()).toEqual([]);
});

describe("what a set still wants is never deleted, however the sets are changed:", () => {
    const at = (name: string) => join(site.folder, name);
    const set = (archive: string, lock = archive) => ({ archive: at(archive), lock: at(`${lock}.lock.json`) });
    const list = (...content: object[]) => site.stack.configure({ ...site.document({ onRemove: "delete" }), content });

    async function upDeletes(...paths: string[]): Promise<void> {
        site.registry.forget();
        const up = await site.stack.up();
        expect(up).toMatchObject({ code: 0 });
        expect(deletions().map(({ path }) => path)).toEqual(paths);
        expect(await site.stack.up("--expect-no-changes")).toMatchObject({ code: 0 });
    }

    test("a lock gets another name, and the resource with it", async () => {
        site = await TestSite.create(join(FIXTURES, "with-mapping"));
        list(set("set1"));
        await upDeletes();
        copyFileSync(at("set1.lock.json"), at("2026-12.lock.json"));
        rmSync(at("set1.lock.json"));
        list(set("set1", "2026-12"));
        await upDeletes();
    });

    test("the earlier set of an incremental one is taken out; then a lock is made anew of what builds on it", async () => {
        site = await TestSite.create(join(FIXTURES, "incremental/1"), join(FIXTURES, "incremental/2"));
        list(set("set1"), set("set2"));
        await upDeletes();
        list(set("set2"));
        await upDeletes();
        copyFileSync(at("set2.lock.json"), at("2026-12.lock.json"));
        list(set("set2", "2026-12"));
        await upDeletes();
    });

    test("a set is taken out, which the preview tells by name; a destroy takes all, whatever the order", async () => {
        site = await TestSite.create(join(FIXTURES, "with-mapping"), join(FIXTURES, "operators"));
        list(set("set1"), set("set2"));
        await upDeletes();
        list(set("set2"));
        const preview = await site.stack.preview();
        expect(preview.text).toContain("5 images to remove from every set; they are deleted from the registry");
        const headline = "0 to add, 0 to change, 5 to remove; 5 images will be DELETED from the registry";
        expect(preview.text).toContain(`images: ${headline}\n`);
        // The same number for the same question, whoever is asked.
        expect((await site.stack.passthrough("plan", "--offline")).out).toContain(`images: ${headline}\n`);
        const comment = await site.stack.passthrough("plan", "--offline", "--markdown");
        expect(comment.out).toMatch(/^### Images of `test`: /);
        expect(comment.out.split("\n")[0]).toContain(headline);
        expect(preview.text).toContain(`- ${V2S2}`);
        site.registry.forget();
        expect(await site.stack.destroy()).toMatchObject({ code: 0 });
        expect(deletions().length).toBeGreaterThan(6);
    });
});
