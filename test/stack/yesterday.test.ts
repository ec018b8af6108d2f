import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { recall, record } from "../support/recorded-state";
import { FIXTURES, TestSite } from "../support/site";
import { PROJECT } from "../support/stack";

jest.setTimeout(300_000);

/**
 * States that releases wrote, the first one and those that changed what state holds. Never record one anew: the point of
 * it is that it is old. A later release that changes what state holds gets a file of its own beside them.
 */
const RECORDED = ["v1", "v2"].map((name) => join(PROJECT, `test/fixtures/state/${name}.json`));
const TIME = /"checkedAt": "[^"]+"/g;

let site: TestSite;
const recordedSite = () => ({ host: site.registry.host, folder: site.folder, ca: site.authority.ca });

beforeAll(async () => {
    site = await TestSite.create(join(FIXTURES, "with-mapping"));
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    for (const path of RECORDED.filter((recorded) => !existsSync(recorded))) {
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, record(await site.stack.state("--show-secrets"), recordedSite()));
    }
});

afterAll(() => site.remove());

test.each(RECORDED)(
    "today's program sees nothing to do in yesterday's state, keeps it and destroys it: %s",
    async (path) => {
        const old = recall(readFileSync(path, "utf8"), recordedSite()).replace(
            TIME,
            '"checkedAt": "2026-01-01T00:00:00.000Z"',
        );
        const file = join(site.folder, "yesterday.json");
        writeFileSync(file, old);
        await site.stack.importState(file);
        expect(await site.stack.state()).toContain("2026-01-01T00:00:00.000Z");
        expect(await site.stack.preview("--expect-no-changes")).toMatchObject({ code: 0 });
        expect(await site.stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
        // Inputs are today's from here on, outputs are still yesterday's.
        expect(await site.stack.up("--expect-no-changes")).toMatchObject({ code: 0 });
        expect(await site.stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
        expect(await site.stack.destroy()).toMatchObject({ code: 0 });
    },
);
