import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { recall, record } from "../support/recorded-state";
import { FIXTURES, TestSite } from "../support/site";
import { PROJECT } from "../support/stack";

jest.setTimeout(300_000);

/**
 * The state that the first release wrote. Never record it anew: the point of it is that it is old. A later release that
 * changes what state holds gets a file of its own beside it.
 */
const RECORDED = join(PROJECT, "test/fixtures/state/v1.json");
const TIME = /"checkedAt": "[^"]+"/g;

let site: TestSite;

beforeAll(async () => {
    site = await TestSite.create(join(FIXTURES, "with-mapping"));
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    if (!existsSync(RECORDED)) {
        mkdirSync(dirname(RECORDED), { recursive: true });
        writeFileSync(RECORDED, record(await site.stack.state("--show-secrets"), site));
    }
});

afterAll(() => site.remove());

test("today's program sees nothing to do in yesterday's state, refreshes it and destroys it", async () => {
    const old = recall(readFileSync(RECORDED, "utf8"), site).replace(TIME, '"checkedAt": "2026-01-01T00:00:00.000Z"');
    const file = join(site.folder, "yesterday.json");
    writeFileSync(file, old);
    await site.stack.importState(file);
    expect(await site.stack.state()).toContain("2026-01-01T00:00:00.000Z");
    expect(await site.stack.preview("--expect-no-changes")).toMatchObject({ code: 0 });
    expect(await site.stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
    expect(await site.stack.destroy()).toMatchObject({ code: 0 });
});
