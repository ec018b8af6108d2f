import { execFileSync } from "node:child_process";
import { cpSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FIXTURES, TestSite } from "../support/site";

/*
 * docs/how-to/free-space.md and docs/how-to/back-up.md with the real registry: content leaves and its space is freed; then
 * registry and state are lost, and a backup of both is restored.
 */

jest.setTimeout(300_000);

const LEAVES = "docker.io/**";
let site: TestSite;

beforeAll(async () => {
    site = await TestSite.create(join(FIXTURES, "with-mapping"));
});

afterAll(() => site.remove());

const storage = () => join(site.registry.folder, "storage");
const bytes = () =>
    Number(
        execFileSync("du", ["-sb", join(storage(), "docker/registry/v2/blobs")], { encoding: "utf8" }).split("\t")[0],
    );

/** The registry's own command, which wants that nobody writes meanwhile. */
async function collectGarbage(): Promise<void> {
    await site.registry.kill();
    execFileSync("registry", ["garbage-collect", join(site.registry.folder, "config.yml")], { stdio: "pipe" });
    await site.registry.restart();
}

test("what leaves the content frees its space with the registry's garbage collection, and nothing else is missing", async () => {
    site.stack.configure(site.document({ onRemove: "delete" }));
    expect(await site.stack.up("--skip-preview")).toMatchObject({ code: 0 });
    const full = bytes();
    await collectGarbage();
    expect(bytes()).toBe(full);

    await site.exclude("set1", LEAVES);
    site.stack.configure(site.document({ onRemove: "delete" }));
    expect(await site.stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(bytes()).toBe(full);
    await collectGarbage();
    expect(bytes()).toBeLessThan(full);
    expect(await site.stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
});

test("a backup of state and storage, restored on a new machine: nothing is to be done, and no byte is sent again", async () => {
    const backup = join(site.folder, "backup");
    writeFileSync(`${backup}.json`, await site.stack.state());
    const stackFile = site.stack.stackFile();
    await site.registry.kill();
    cpSync(storage(), backup, { recursive: true });

    rmSync(storage(), { recursive: true });
    await site.loseState();
    expect(existsSync(storage())).toBe(false);

    cpSync(backup, storage(), { recursive: true });
    await site.registry.restart();
    site.stack.useStackFile(stackFile);
    await site.stack.importState(`${backup}.json`);
    site.registry.forget();
    expect(await site.stack.up("--expect-no-changes")).toMatchObject({ code: 0 });
    expect(site.registry.writes()).toEqual([]);
    expect(await site.stack.outputs()).toMatchObject({ validation: { status: "proven", images: 5 } });
});
