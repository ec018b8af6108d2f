import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HarborSite } from "../support/harbor/harbor-site";
import { QuaySite } from "../support/quay/quay-site";
import { RecordedAccounts } from "../support/recorded-accounts";
import { type RecordedSite, recall, record } from "../support/recorded-state";
import { PROJECT, type TestStack } from "../support/stack";

jest.setTimeout(300_000);

/** A site with robot accounts, the puller rotated once: the first puller is retired and still valid. */
interface RotatedSite extends RecordedSite {
    readonly stack: TestStack;
    remove(): Promise<void>;
}

async function harbor(): Promise<RotatedSite> {
    const site = await HarborSite.create();
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    site.fake.harbor.age("puller-1", 61);
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    const { authority, fake, folder, stack } = site;
    return { host: fake.host, folder, ca: authority.ca, stack, remove: () => site.remove() };
}

async function quay(flavour: "quay" | "mirror-registry"): Promise<RotatedSite> {
    const site = await QuaySite.create(flavour);
    const stack = await site.stack();
    if (flavour === "mirror-registry") await stack.setConfig("superuserPassword", "canary-superuser-90fe", true);
    site.quay.model.ageInDays = 61;
    expect(await stack.up()).toMatchObject({ code: 0 });
    site.quay.model.ageInDays = 0;
    expect(await stack.up()).toMatchObject({ code: 0 });
    const { authority, folder } = site;
    return { host: site.quay.host, folder, ca: authority.ca, stack, remove: () => site.remove() };
}

const SITES: readonly (readonly [string, () => Promise<RotatedSite>])[] = [
    ["harbor", harbor],
    ["quay", () => quay("quay")],
    ["mirror-registry", () => quay("mirror-registry")],
];

/** States that an earlier version wrote; see yesterday.test.ts. Never record one anew. */
const recordedFile = (kind: string) => join(PROJECT, `test/fixtures/state/v3-${kind}.json`);
const CHECKED_AT = /"checkedAt": "[^"]+"/g;
const LONG_AGO = '"checkedAt": "2026-01-01T00:00:00.000Z"';

test.each(SITES)(
    "the state of an earlier version with robot accounts, one of them retired, gets what deletes it later, needs no other change and is destroyed: %s",
    async (kind, create) => {
        const site = await create();
        const { stack } = site;
        try {
            const state = await stack.state("--show-secrets");
            const accounts = new RecordedAccounts(state);
            const path = recordedFile(kind);
            if (!existsSync(path)) writeFileSync(path, accounts.record(record(state, site)));
            const old = accounts.recall(recall(readFileSync(path, "utf8"), site)).replace(CHECKED_AT, LONG_AGO);
            const file = join(site.folder, "yesterday.json");
            writeFileSync(file, old);
            await stack.importState(file);
            expect(await stack.state()).toContain(LONG_AGO);
            const preview = await stack.preview();
            expect(preview).toMatchObject({ code: 0 });
            expect(preview.text).toMatch(/puller-retirement +create/);
            expect(preview.text).toMatch(/\+ 1 to create\n +\d+ unchanged\n/);
            expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
            // From here on state has today's inputs and the recorded outputs.
            const up = await stack.up("--skip-preview");
            expect(up).toMatchObject({ code: 0 });
            expect(up.text).toMatch(/\+ 1 created\n +\d+ unchanged\n/);
            expect(await stack.up("--expect-no-changes")).toMatchObject({ code: 0 });
            expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
            expect((await stack.outputs()).robots).toMatchObject({
                puller: { username: expect.stringMatching(/puller-2$/) as string, retired: [expect.anything()] },
            });
            expect(await stack.destroy()).toMatchObject({ code: 0 });
        } finally {
            await site.remove();
        }
    },
);
