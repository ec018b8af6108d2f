import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { type PipelineJob, readExample, readPipeline, readWorkflow } from "../support/ci-jobs";
import { PROJECT } from "../support/stack";

const WORKFLOWS = ["pull-request", "nightly"];
const jobs = WORKFLOWS.flatMap((name) =>
    Object.entries(readWorkflow(name).jobs).map(([job, definition]) => ({ workflow: name, job, definition })),
);

test.each(WORKFLOWS)("%s.yml pins every action to a commit, and names its version", (name) => {
    const uses = [...readExample(`github/workflows/${name}.yml`).matchAll(/uses: (.*)$/gm)].map(([, use = ""]) => use);
    expect(uses.length).toBeGreaterThan(0);
    expect(uses.filter((use) => !/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(use))).toEqual([]);
});

test.each(jobs)("$job of $workflow.yml has only the permissions that it needs", ({ workflow, job, definition }) => {
    expect(readWorkflow(workflow).permissions).toEqual({});
    expect(definition.permissions).toEqual({
        contents: "read",
        ...(job === "comment" ? { "pull-requests": "write" } : {}),
    });
    const checkouts = definition.steps.filter(({ uses }) => uses?.startsWith("actions/checkout@"));
    expect(checkouts.map((step) => step.with?.["persist-credentials"])).toEqual(checkouts.map(() => false));
});

test.each(jobs)("scripts of $job in $workflow.yml get values only through the environment", ({ definition }) => {
    for (const { run = "" } of definition.steps) expect(run).not.toContain("${{");
});

test("pull requests run without secrets, and those of forks without a token that writes", () => {
    const text = readExample("github/workflows/pull-request.yml");
    expect(readWorkflow("pull-request").on).toBe("pull_request");
    expect(text).not.toMatch(/secrets\.|pull_request_target|workflow_run/);
    expect(readWorkflow("pull-request").jobs.comment?.if).toContain(
        "github.event.pull_request.head.repo.full_name == github.repository",
    );
});

test("secrets of the nightly job are the ones of the site's environment", () => {
    const { check } = readWorkflow("nightly").jobs;
    expect(check).toMatchObject({ environment: "${{ matrix.stack }}" });
    expect(
        [...readExample("github/workflows/nightly.yml").matchAll(/secrets\.(\w+)/g)].map(([, name]) => name),
    ).toEqual(["PULUMI_CONFIG_PASSPHRASE"]);
});

test("every job that another one needs exists", () => {
    for (const { workflow, definition } of jobs) {
        if (definition.needs !== undefined) expect(readWorkflow(workflow).jobs).toHaveProperty(definition.needs);
    }
});

test("the GitLab pipeline runs plans for merge requests, and the check in scheduled pipelines only", () => {
    const { stages, plan, comment, check, ...rest } = readPipeline();
    expect(Object.keys(rest)).toEqual(["default", "variables", ".sites"]);
    const all = [plan, comment, check] as PipelineJob[];
    expect(all.map(({ stage }) => stage)).toEqual(stages);
    const conditions = all.map(({ rules }) => rules.map((rule) => rule.if));
    expect(conditions).toEqual([
        ['$CI_PIPELINE_SOURCE == "merge_request_event"'],
        ['$CI_PIPELINE_SOURCE == "merge_request_event" && $PASSTHROUGH_COMMENT_TOKEN'],
        ['$CI_PIPELINE_SOURCE == "schedule"'],
    ]);
    expect((comment as PipelineJob).needs).toEqual(["plan"]);
    expect(readExample("gitlab/.gitlab-ci.yml")).not.toMatch(/PASSPHRASE: |TOKEN: /);
});

test("both platforms know the sites of the example repository", () => {
    const { matrix } = (readWorkflow("nightly").jobs.check as unknown as { strategy: { matrix: { stack: string[] } } })
        .strategy;
    const sites = readPipeline()[".sites"] as { parallel: { matrix: { STACK: string[] }[] } };
    expect(sites.parallel.matrix[0]?.STACK).toEqual(matrix.stack);
    for (const stack of matrix.stack) {
        const file = join(PROJECT, `examples/site-repository/Pulumi.${stack}.yaml`);
        expect(parse(readFileSync(file, "utf8"))).toHaveProperty("config");
    }
});
