import { z } from "zod";
import type { Room } from "../namespace-admin";

/**
 * What `GET /api/v1/organization/{org}` adds with FEATURE_QUOTA_MANAGEMENT and FEATURE_EDIT_QUOTA
 * (quay, endpoints/api/organization.py and data/model/namespacequota.py, read in 3.12 and 3.18; seen on 3.18.0).
 */
export const organizationQuota = z.object({
    quotas: z
        .array(
            z.object({
                limit_bytes: z.number(),
                limits: z.array(z.object({ type: z.string(), limit_percent: z.number() })).default([]),
            }),
        )
        .optional(),
    quota_report: z
        .object({
            quota_bytes: z.number(),
            configured_quota: z.number().nullish(),
            backfill_status: z.string().optional(),
        })
        .optional(),
});

/**
 * What is left before Quay refuses pushes. Undefined where nothing is refused (a quota may just warn), and as long as Quay
 * still adds up what the organization holds.
 * @param hasRepositories without any, Quay has not begun to add up ("waiting"), and there is nothing to add
 */
export function quotaRoom(
    { quotas = [], quota_report: report }: z.infer<typeof organizationQuota>,
    hasRepositories: boolean,
): Room | undefined {
    if (report === undefined || (report.backfill_status !== "complete" && hasRepositories)) return undefined;
    const used = report.quota_bytes;
    const [quota] = quotas;
    // The default of the whole installation refuses at its limit, and has no entry of its own.
    if (quota === undefined)
        return typeof report.configured_quota === "number" ? { limit: report.configured_quota, used } : undefined;
    const percents = quota.limits.filter(({ type }) => type === "Reject").map(({ limit_percent: percent }) => percent);
    return percents.length === 0
        ? undefined
        : { limit: Math.floor((quota.limit_bytes * Math.min(...percents)) / 100), used };
}
