import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { PassthroughError } from "../../lib/errors/errors";
import { EXIT_OK } from "../exit-codes";
import { selectedStack } from "../stack/selected-stack";
import { print } from "../terminal/output";
import { requireMirrorBase, stackOutputs } from "../stack/pulumi-stack";
import { type StackSelection, configuredMirrorBase } from "../stack/stack-file";
import { RENDERED_FILES } from "./rendered-files";
import { type RenderedOutputs, renderedOutputs } from "./rendered-outputs";
import { replaceFile } from "./replace-file";
import { writeTargetFiles } from "./target-files";

export interface RenderOptions {
    readonly stack?: string;
    readonly configFile?: string;
    readonly out?: string;
    readonly json?: boolean;
}

/** Writes the stack's outputs for a cluster as files, unless they belong to another mirror base than its stack file. */
export async function runRender({ stack: named, configFile: file, out, json = false }: RenderOptions): Promise<number> {
    const stack = selectedStack(named);
    const folder = out ?? join("out", stack);
    const outputs = await readOutputs({ stack, file });
    await mkdir(folder, { recursive: true });
    const paths: string[] = [];
    for (const { name, output, always } of RENDERED_FILES) {
        const path = join(folder, name);
        if (always || outputs[output] !== "") paths.push(await replaceFile(path, outputs[output]));
        else await rm(path, { force: true });
    }
    paths.push(...(await writeTargetFiles(folder, outputs.targetFiles)));
    print(json ? JSON.stringify({ files: paths }) : `written: ${paths.join(", ")}`);
    return EXIT_OK;
}

async function readOutputs({ stack, file }: StackSelection): Promise<RenderedOutputs> {
    const mirrorBase = configuredMirrorBase({ stack, file });
    const outputs = await stackOutputs(stack);
    if (mirrorBase !== undefined) requireMirrorBase(stack, outputs, mirrorBase);
    const parsed = renderedOutputs.safeParse(outputs);
    if (parsed.success) return parsed.data;
    throw new PassthroughError("it has no outputs to render", {
        code: "STACK_OUTPUTS_UNAVAILABLE",
        thing: `stack ${stack}`,
        fix: "run `npm run up` for this stack first",
    });
}
