import { join } from "node:path";
import { PassthroughError } from "../../lib/errors/errors";
import { renderRoles } from "../../lib/openshift";
import {
    type NamedDelivery,
    accessFiles,
    clusterDeliveries,
    clusterTexts,
    deliveryNotes,
    deployedNamespace,
    targetFiles,
    importNamespaces,
} from "../../lib/site";
import { EXIT_OK } from "../exit-codes";
import { selectedStack } from "../stack/selected-stack";
import { print, printDiagnostic } from "../terminal/output";
import { requireMirrorBase, stackOutputs } from "../stack/pulumi-stack";
import { type StackSelection, configuredMirrorBase, readStackSite } from "../stack/stack-file";
import { RENDERED_FILES } from "./rendered-files";
import { type ClusterOutputs, readClusterOutputs } from "./rendered-outputs";
import { type RenderedChanges, type RenderedList, readRenderedList, replaceRenderedList } from "./rendered-list";
import { replaceFiles } from "./replace-file";

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
    const clusters = offline ? computeOutputs({ stack, file }) : await readOutputs({ stack, file });
    const files = Object.fromEntries(clusters.flatMap(clusterFiles));
    const list = await readRenderedList(folder, stack);
    const paths = await replaceFiles(folder, files);
    printChanges(await replaceRenderedList(list, files), list);
    print(json ? JSON.stringify({ files: paths }) : `written: ${paths.join(", ")}`);
    if (offline) printDiagnostic(LEFT_OUT);
    return EXIT_OK;
}

function printChanges({ deleted, kept, overwritten }: RenderedChanges, { list }: RenderedList): void {
    const note = (what: string, paths: readonly string[]): void => {
        if (paths.length > 0) printDiagnostic(`note: ${what}: ${paths.join(", ")}`);
    };
    note("not rendered any more, and deleted", deleted);
    note("changed since they were rendered, and overwritten", overwritten);
    const why = "because they were changed or are not in this folder";
    note(`not rendered any more, but kept, ${why}; delete them, or their lines in ${list}`, kept);
}

/** The files of a cluster, which has a folder of its own where there are several: path and content. */
function clusterFiles([cluster, outputs]: ClusterOutputs[number]): [path: string, content: string][] {
    const own = RENDERED_FILES.filter(({ output, always }) => always || outputs[output] !== "");
    const texts = own.map(({ name, output }) => [name, outputs[output]] as const);
    const folders = Object.entries({ ...outputs.targetFiles, ...outputs.accessFiles, ...outputs.roleFiles });
    return [...texts, ...folders].map(([path, content]) => [join(cluster, path), content]);
}

const LEFT_OUT =
    "note: computed from the configuration and the locks: the pull secret is left out, and no pull is proven; apply the " +
    "files after `npm run up`";

const NO_SITE_CA =
    "note: the CA of site.registry.certificate.siteCa is known to the stack alone, and left out: without --offline it is in the files";

/** The outputs that an `up` with this configuration and these locks gives, by the name of the cluster. */
function computeOutputs(selection: StackSelection): ClusterOutputs {
    const site = readStackSite(selection);
    const deliveries = clusterDeliveries(site, site.registry.mirror);
    const targets = site.clusters.map((cluster) => targetFiles({ ...site, cluster }, site.registry));
    const access = accessFiles(site, site.registry);
    const notes = [...deliveryNotes(deliveries), ...targets.flatMap((found) => found.notes), ...access.notes];
    for (const note of notes) printDiagnostic(`note: ${note}`);
    if (site.certificate?.siteCa !== undefined) printDiagnostic(NO_SITE_CA);
    const { ca = "", clientCertificate = "" } = site.registry;
    return site.clusters.map(({ name, roles = [], version, proof }, index) => [
        name,
        {
            ...clusterTexts(deliveries[index] as NamedDelivery),
            registryCa: ca,
            clientCertificate,
            targetFiles: targets[index]?.files ?? {},
            accessFiles: access.files,
            roleFiles: renderRoles(roles, version, {
                proof: proof?.namespace,
                registry: deployedNamespace(site.deployment),
                imports: importNamespaces(site.content, name),
            }),
        },
    ]);
}

async function readOutputs({ stack, file }: StackSelection): Promise<ClusterOutputs> {
    const mirrorBase = configuredMirrorBase({ stack, file });
    const outputs = await stackOutputs(stack);
    if (mirrorBase !== undefined) requireMirrorBase(stack, outputs, mirrorBase);
    const clusters = readClusterOutputs(outputs);
    if (clusters !== undefined) return clusters;
    throw new PassthroughError("it has no outputs to render", {
        code: "STACK_OUTPUTS_UNAVAILABLE",
        thing: `stack ${stack}`,
        fix: "run `npm run up` for this stack first",
    });
}
