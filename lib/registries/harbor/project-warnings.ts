import { z } from "zod";
import { parseJson } from "../../errors/text";
import type { HarborClient } from "./client";
import type { Project } from "./project";

const selector = z.object({ decoration: z.string(), pattern: z.string() });
const retentionRule = z.object({
    disabled: z.boolean().default(false),
    template: z.string().default(""),
    tag_selectors: z.array(selector).nullish(),
    scope_selectors: z.record(z.string(), z.array(selector)).nullish(),
});
const retention = z.object({ rules: z.array(retentionRule).nullish() });
const immutableRule = z.object({ disabled: z.boolean().default(false) });
const jobParameters = z.looseObject({ delete_untagged: z.unknown() });
const schedule = z.object({ job_parameters: z.string().default("{}") });

/**
 * What would lose or block images in a project, each with its fix, without times or counts. What the account may not
 * see is left out: it needs more rights than making robot accounts does.
 */
export async function projectWarnings(client: HarborClient, project: Project, isImmutable: boolean): Promise<string[]> {
    const { metadata, name } = project;
    const isOn = (key: string) => metadata[key] === "true";
    return [
        ...(isOn("prevent_vul")
            ? [
                  `project ${name} blocks pulls of images with vulnerabilities of severity ${metadata.severity ?? "low"} and above ` +
                      `(prevent_vul): clusters would lose images when a scan finds something; switch it off in the project's configuration`,
              ]
            : []),
        ...(isOn("enable_content_trust") || isOn("enable_content_trust_cosign")
            ? [
                  `project ${name} blocks pulls of images without a signature (content trust): switch it off in the project's configuration, ` +
                      `or mirror the signatures with the images`,
              ]
            : []),
        ...(isOn("auto_scan")
            ? [`project ${name} scans every image on push (auto_scan): imports take longer; switch it off if they do`]
            : []),
        ...(await retentionWarnings(client, project)),
        ...(isImmutable ? [immutabilityWarning(name)] : []),
        ...(await collectionWarnings(client)),
    ];
}

async function retentionWarnings(client: HarborClient, { name, metadata }: Project): Promise<string[]> {
    const id = metadata.retention_id;
    if (id === undefined || id === "") return [];
    const policy = await client.getIfAllowed(`/retentions/${id}`, retention);
    const rules = policy?.rules?.filter(({ disabled }) => !disabled) ?? [];
    if (policy !== undefined && (rules.length === 0 || rules.some(keepsEverything))) return [];
    return [
        `the retention policy of project ${name} deletes every image that none of its rules retains: ` +
            `remove the policy, or add a rule that retains always, for ** in **`,
    ];
}

function keepsEverything({ template, tag_selectors, scope_selectors }: z.infer<typeof retentionRule>): boolean {
    const isAll = (selectors: readonly z.infer<typeof selector>[] | null | undefined) =>
        (selectors ?? []).some(({ decoration, pattern }) => pattern === "**" && !decoration.endsWith("xcludes"));
    return template === "always" && isAll(tag_selectors) && isAll(scope_selectors?.repository);
}

/** True if a rule of the project keeps tags from being moved; false also if the account may not see its rules. */
export async function hasImmutableTags(client: HarborClient, { name }: Project): Promise<boolean> {
    const path = `/projects/${name}/immutabletagrules?page_size=100`;
    const rules = await client.getIfAllowed(path, z.array(immutableRule));
    return (rules ?? []).some(({ disabled }) => !disabled);
}

function immutabilityWarning(name: string): string {
    return (
        `project ${name} has immutable tags: a set that moves a tag of an earlier one is refused (412), and nothing with ` +
        `such a tag can be removed; disable the rules in the project's policy while tags have to move`
    );
}

/** Only a system administrator sees the schedule. */
async function collectionWarnings(client: HarborClient): Promise<string[]> {
    const gc = await client.getIfAllowed("/system/gc/schedule", schedule);
    if (gc === undefined || !deletesUntagged(gc.job_parameters)) return [];
    return [
        "Harbor's garbage collection removes manifests that have no tag (delete_untagged): single platforms of " +
            "multi-platform images can go; switch it off under Clean Up, Garbage Collection",
    ];
}

function deletesUntagged(parameters: string): boolean {
    return jobParameters.safeParse(parseJson(parameters)).data?.delete_untagged === true;
}
