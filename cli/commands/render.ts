import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { PassthroughError } from "../../lib/errors/errors";
import { renderRoles } from "../../lib/openshift";
import { accessFiles, clusterDelivery, clusterTexts, targetFiles } from "../../lib/site";
import { EXIT_OK } from "../exit-codes";
import { selectedStack } from "../stack/selected-stack";
import { print, printDiagnostic } from "../terminal/output";
import { requireMirrorBase, stackOutputs } from "../stack/pulumi-stack";
import { type StackSelection, configuredMirrorBase, readStackSite } from "../stack/stack-file";
import { RENDERED_FILES } from "./rendered-files";
import { type RenderedOutputs, renderedOutputs } from "./rendered-outputs";
import { replaceFile } from "./replace-file";
import { writeFolders } from "./rendered-folders";

export interface RenderOptions {
    readonly stack?: string;
    readonly configFile?: string;
    readonly out?: string;
    readonly json?: boolean;
    readonly offline?: boolean;
}

/**
 * Writes what a cluster needs as files: the stack's outputs, unless they belong to another mirror base than its stack file;
 * or offline, what they will be after an `up`.
 */
export async function runRender(options: RenderOptions): Promise<number> {
    const { configFile: file, out, json = false, offline = false } = options;
    const stack = selectedStack(options.stack);
    const folder = out ?? join("out", stack);
    const outputs = offline ? computeOutputs({ stack, file }) : await readOutputs({ stack, file });
    await mkdir(folder, { recursive: true });
    const paths: string[] = [];
    for (const { name, output, always } of RENDERED_FILES) {
        const path = join(folder, name);
        if (always || outputs[output] !== "") paths.push(await replaceFile(path, outputs[output]));
        else await rm(path, { force: true });
    }
    paths.push(
        ...(await writeFolders(folder, { ...outputs.targetFiles, ...outputs.accessFiles, ...outputs.roleFiles })),
    );
    print(json ? JSON.stringify({ files: paths }) : `written: ${paths.join(", ")}`);
    if (offline) printDiagnostic(LEFT_OUT);
    return EXIT_OK;
}

const LEFT_OUT =
    "note: computed from the configuration and the locks: the pull secret is left out, and no pull is proven; apply the " +
    "files after `npm run up`";

/** The outputs that an `up` with this configuration and these locks gives. */
function computeOutputs(selection: StackSelection): RenderedOutputs {
    const site = readStackSite(selection);
    const delivery = clusterDelivery(site, site.registry.mirror);
    const targets = targetFiles(site, site.registry);
    const access = accessFiles(site, site.registry);
    for (const note of [...delivery.notes, ...targets.notes, ...access.notes]) printDiagnostic(`note: ${note}`);
    const { roles = [], version } = site.cluster;
    const { ca = "", clientCertificate = "" } = site.registry;
    return {
        ...clusterTexts(delivery),
        registryCa: ca,
        clientCertificate,
        targetFiles: targets.files,
        accessFiles: access.files,
        roleFiles: renderRoles(roles, version),
    };
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
