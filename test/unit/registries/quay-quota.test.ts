import { organizationQuota, quotaRoom } from "../../../lib/registries/quay/organization-quota";

const REPORT = { quota_bytes: 400, configured_quota: 1000, running_backfill: "complete", backfill_status: "complete" };
const REJECT = { id: "1", type: "Reject", limit_percent: 90 };
const WARNING = { id: "2", type: "Warning", limit_percent: 50 };
const quota = (...limits: object[]) => ({ id: 1, limit_bytes: 1000, default_config: false, limits });

test.each([
    ["refuses at the percentage of its limit", { quotas: [quota(WARNING, REJECT)], quota_report: REPORT }, 900],
    ["refuses at the default of the installation", { quotas: [], quota_report: REPORT }, 1000],
    ["only warns", { quotas: [quota(WARNING)], quota_report: REPORT }, undefined],
    ["has no limit", { quotas: [], quota_report: { ...REPORT, configured_quota: null } }, undefined],
    [
        "is still added up",
        { quotas: [quota(REJECT)], quota_report: { ...REPORT, backfill_status: "running" } },
        undefined,
    ],
    ["is not managed", {}, undefined],
])("an organization whose quota %s", (_, shown, limit) => {
    expect(quotaRoom(organizationQuota.parse(shown), true)).toEqual(
        limit === undefined ? undefined : { limit, used: 400 },
    );
});

test("an organization without repositories holds nothing, although Quay has not begun to add up", () => {
    const quota_report = { ...REPORT, quota_bytes: 0, backfill_status: "waiting" };
    const shown = organizationQuota.parse({ quotas: [quota(REJECT)], quota_report });
    expect(quotaRoom(shown, false)).toEqual({ limit: 900, used: 0 });
    expect(quotaRoom(shown, true)).toBeUndefined();
});
