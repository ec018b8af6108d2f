import { PassthroughError, toProblem } from "../../lib/errors/errors";
import { formatProblem, problemToJson } from "../../lib/errors/format";
import { counted } from "../../lib/errors/text";
import { connectCluster } from "../../lib/kubernetes/connect";
import { flattenKubeconfigFile } from "../../lib/kubernetes/kubeconfig";
import type { ClusterClient } from "../../lib/kubernetes/cluster-client";
import {
    type ClusterRelease,
    type PlannedRules,
    type RegistriesConf,
    parseRegistriesConf,
    readClusterImages,
    readExistingCluster,
    rulesToBe,
} from "../../lib/openshift";
import {
    type CoveredImage,
    type ImageSetAddition,
    coverage,
    imageSetAddition,
    imageSetLines,
} from "../../lib/passthrough";
import { mirrorPolicy } from "../../lib/site";
import { readConnectedSite } from "../accounts/connected-site";
import { findAccount } from "../accounts/credentials";
import { accountSources } from "../accounts/site-account";
import { withSiteRegistry } from "../accounts/site-registry";
import { EXIT_FAILED, EXIT_OK } from "../exit-codes";
import { selectedStack } from "../stack/selected-stack";
import { stackName } from "../stack/stack-file";
import { interruptible } from "../terminal/interruption";
import { hideSecretsInJson, print, printDiagnostic, withoutSecrets } from "../terminal/output";
import { statusLine } from "../terminal/status-line";
import { type KubernetesFiles, readKubernetesFiles } from "./kubernetes-files";
import { selectCluster } from "./select-cluster";

export interface CoverageOptions {
    readonly stack?: string;
    readonly configFile?: string;
    readonly json?: boolean;
    readonly authfile?: string;
    /** Whose workloads they are, where the site has several. */
    readonly cluster?: string;
    readonly kubeconfig?: string;
    readonly context?: string;
}

/** What files and a cluster ask for. */
interface Named extends KubernetesFiles {
    readonly release?: ClusterRelease | undefined;
    /** Rules that a cluster has of others, together with the stack's; absent: the stack's count alone. */
    readonly rules?: RegistriesConf | undefined;
}

/** Looks up every image that Kubernetes objects, in files or in a cluster, name, through the rules of the stack's content, at the mirror. */
export async function runCoverage(
    {
        stack: named,
        configFile: file,
        json = false,
        authfile,
        kubeconfig,
        context,
        cluster: clusterName,
    }: CoverageOptions,
    paths: readonly string[],
): Promise<number> {
    const stack = selectedStack(named);
    const files = readKubernetesFiles(paths);
    if (paths.length > 0 && files.objects === 0 && files.problems.length === 0) throw nothingToLookUp(paths);
    for (const note of files.notes) printDiagnostic(`note: ${note}`);
    const site = await readConnectedSite({ stack, file });
    const { mirror } = site.registry;
    const cluster = selectCluster(site.clusters, clusterName);
    const policy = mirrorPolicy({ ...site, cluster }, mirror);
    const planned = { objects: policy.objects, version: cluster.version };
    const objects: Named = kubeconfig === undefined ? files : await addCluster(files, kubeconfig, context, planned);
    const account = await findAccount("puller", accountSources({ stack, file }, site, authfile));
    printDiagnostic(`pulling as ${account.credentials.username}, from ${account.from}`);
    const status = statusLine();
    status.show("looking up the images");
    const images = await interruptible((signal) =>
        withSiteRegistry(site, account, signal, (client) =>
            coverage({
                uses: objects.uses,
                client,
                mirror,
                rules: objects.rules ?? parseRegistriesConf(policy.registriesConf, "the mirror rules of this stack"),
                concurrency: site.concurrency,
                onProgress: (done, of) => status.show(`${done} of ${counted(of, "image")} looked up`),
            }),
        ),
    ).finally(() => status.end());
    const add = imageSetAddition(images, objects.release);
    if (json) print(JSON.stringify(jsonReport(stackName({ stack }), objects, images, add), hideSecretsInJson));
    else printReport(objects, images, add);
    const isCovered = images.every(({ state }) => CAN_BE_PULLED.includes(state));
    return isCovered && objects.problems.length === 0 ? EXIT_OK : EXIT_FAILED;
}

const CAN_BE_PULLED: readonly CoveredImage["state"][] = ["covered", "nodes", "internal"];

/** As after a command before the pipe that failed: that every image of none is at the mirror would hide it. */
function nothingToLookUp(paths: readonly string[]): PassthroughError {
    return new PassthroughError("there is no Kubernetes object in it", {
        code: "KUBERNETES_FILE_INVALID",
        thing: paths.join(", "),
        fix: "give files or a folder with objects; with -, check that the command before the pipe succeeded",
    });
}

/** The images of files and of a cluster together. */
async function addCluster(
    files: KubernetesFiles,
    file: string,
    context: string | undefined,
    planned: PlannedRules,
): Promise<Named> {
    const kubeconfig = flattenKubeconfigFile(file, context);
    const status = statusLine();
    status.show("reading the cluster's objects");
    const { uses, objects, problems, unserved, release, rules } = await interruptible(async (signal) => {
        const client = await connectCluster({ kubeconfig, signal });
        try {
            return { ...(await readClusterImages(client)), rules: await readRules(client, planned) };
        } finally {
            await client.close();
        }
    }).finally(() => status.end());
    if (typeof rules === "string") {
        printDiagnostic(withoutSecrets(`note: the cluster's own mirror rules are left out of account: ${rules}`));
    }
    if (unserved.length > 0) printDiagnostic(`note: the cluster has no such kind: ${unserved.join(", ")}`);
    return {
        uses: [...files.uses, ...uses],
        objects: files.objects + objects,
        problems: [...files.problems, ...problems],
        notes: files.notes,
        release,
        rules: typeof rules === "string" ? undefined : rules,
    };
}

/** @returns the reason if the cluster does not let them be read, or is not OpenShift */
async function readRules(client: ClusterClient, planned: PlannedRules): Promise<RegistriesConf | string> {
    try {
        return rulesToBe(await readExistingCluster(client), planned);
    } catch (error) {
        if (!(error instanceof PassthroughError)) throw error;
        return formatProblem(toProblem(error));
    }
}

function jsonReport(stack: string, files: Named, images: readonly CoveredImage[], add: ImageSetAddition) {
    return {
        stack,
        objects: files.objects,
        images: images.map(({ problem, ...image }) => ({
            ...image,
            ...(problem === undefined ? {} : { problem: problemToJson(problem) }),
        })),
        add: add.images,
        ...(add.release === undefined ? {} : { addRelease: add.release }),
        unread: files.problems.map(problemToJson),
    };
}

function printReport(files: Named, images: readonly CoveredImage[], add: ImageSetAddition): void {
    for (const problem of files.problems) print(`? ${withoutSecrets(formatProblem(problem))}`);
    for (const image of images) if (!CAN_BE_PULLED.includes(image.state)) printImage(image);
    const of = (state: CoveredImage["state"]): number => images.filter((image) => image.state === state).length;
    const internal = of("internal") === 0 ? "" : `; ${counted(of("internal"), "image")} of the cluster's own registry`;
    const nodes =
        of("nodes") === 0
            ? ""
            : `; ${counted(of("nodes"), "image")} of the release registry on its nodes (InternalReleaseImage)`;
    print(
        `${of("covered")} of ${counted(images.length - of("internal"), "image")} in ${counted(files.objects, "object")} ` +
            `can be pulled from the mirror${nodes}${internal}`,
    );
    if (add.images.length === 0 && add.release === undefined) return;
    print("to add to the image set (ImageSetConfiguration of oc-mirror):");
    for (const line of imageSetLines(add)) print(line);
}

function printImage({ image, state, owners, problem }: CoveredImage): void {
    const mark = state === "unknown" ? "?" : "!";
    const reason = problem === undefined ? "the mirror does not have it" : formatProblem(problem);
    print(`${mark} ${withoutSecrets(`${image}: ${reason}`)}`);
    for (const owner of owners) print(`    ${withoutSecrets(owner)}`);
}
