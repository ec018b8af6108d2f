import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { PROJECT } from "./stack";

/** A step of a GitHub workflow, in part. */
export interface WorkflowStep {
    readonly name?: string;
    readonly uses?: string;
    readonly run?: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly with?: Readonly<Record<string, unknown>>;
}

export interface WorkflowJob {
    readonly permissions: Readonly<Record<string, string>>;
    readonly "runs-on": unknown;
    readonly if?: string;
    readonly needs?: string;
    readonly steps: readonly WorkflowStep[];
}

export interface Workflow {
    readonly on: unknown;
    readonly permissions: object;
    readonly jobs: Readonly<Record<string, WorkflowJob>>;
}

/** A job of a GitLab pipeline, in part. */
export interface PipelineJob {
    readonly stage: string;
    readonly extends?: string;
    readonly rules: readonly { readonly if: string; readonly when?: string }[];
    readonly script: readonly string[];
    readonly needs?: readonly string[];
}

export function readExample(path: string): string {
    return readFileSync(join(PROJECT, "examples/ci", path), "utf8");
}

export function readWorkflow(name: string): Workflow {
    return parse(readExample(`github/workflows/${name}.yml`)) as Workflow;
}

export function readPipeline(): Readonly<Record<string, unknown>> {
    return parse(readExample("gitlab/.gitlab-ci.yml")) as Record<string, unknown>;
}

/** The script of a step, by the step's name. @throws Error if the job has no such step */
export function stepScript(job: WorkflowJob | undefined, name: string): string {
    const script = job?.steps.find((step) => step.name === name)?.run;
    if (script === undefined) throw new Error(`there is no step "${name}"`);
    return script;
}

/**
 * The environment of a step, with its expressions evaluated.
 * @param values of each expression, by its text; one that is not there is an error
 */
export function stepEnvironment(
    job: WorkflowJob | undefined,
    name: string,
    values: Readonly<Record<string, string>>,
): NodeJS.ProcessEnv {
    const { env = {} } = job?.steps.find((step) => step.name === name) ?? {};
    return Object.fromEntries(
        Object.entries(env).map(([key, text]) => [
            key,
            text.replace(/\$\{\{ (.+?) \}\}/g, (_, expression: string) => {
                const value = values[expression];
                if (value === undefined) throw new Error(`${name}: nothing is known of ${expression}`);
                return value;
            }),
        ]),
    );
}
