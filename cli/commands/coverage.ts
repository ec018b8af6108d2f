import { PassthroughError } from "../../lib/errors/errors";
import { formatProblem, problemToJson } from "../../lib/errors/format";
import { counted } from "../../lib/errors/text";
import { parseRegistriesConf } from "../../lib/openshift";
import { type CoveredImage, coverage } from "../../lib/passthrough";
import { type SiteCluster, mirrorPolicy } from "../../lib/site";
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

export interface CoverageOptions {
    readonly stack?: string;
    readonly configFile?: string;
    readonly json?: boolean;
    readonly authfile?: string;
    /** Whose workloads they are, where the site has several. */
    readonly cluster?: string;
}

/** Looks up every image that Kubernetes objects name, through the rules of the stack's content, at the mirror. */
export async function runCoverage(
    { stack: named, configFile: file, json = false, authfile, cluster: clusterName }: CoverageOptions,
    paths: readonly string[],
): Promise<number> {
    const stack = selectedStack(named);
    const files = readKubernetesFiles(paths);
    if (files.objects === 0 && files.problems.length === 0) throw nothingToLookUp(paths);
    for (const note of files.notes) printDiagnostic(`note: ${note}`);
    const site = await readConnectedSite({ stack, file });
    const { mirror } = site.registry;
    const cluster = selectCluster(site.clusters, clusterName);
    const { registriesConf } = mirrorPolicy({ ...site, cluster }, mirror);
    const account = await findAccount("puller", accountSources({ stack, file }, site, authfile));
    printDiagnostic(`pulling as ${account.credentials.username}, from ${account.from}`);
    const status = statusLine();
    status.show("looking up the images");
    const images = await interruptible((signal) =>
        withSiteRegistry(site, account, signal, (client) =>
            coverage({
                uses: files.uses,
                client,
                mirror,
                rules: parseRegistriesConf(registriesConf, "the mirror rules of this stack"),
                concurrency: site.concurrency,
                onProgress: (done, of) => status.show(`${done} of ${counted(of, "image")} looked up`),
            }),
        ),
    ).finally(() => status.end());
    if (json) print(JSON.stringify(jsonReport(stackName({ stack }), files, images), hideSecretsInJson));
    else printReport(files, images);
    const isCovered = images.every(({ state }) => state === "covered" || state === "internal");
    return isCovered && files.problems.length === 0 ? EXIT_OK : EXIT_FAILED;
}

/** @throws PassthroughError `CONFIG_INVALID` if the site does not have it, or has several and none is named */
function selectCluster(clusters: readonly SiteCluster[], name: string | undefined): SiteCluster {
    const [only, ...others] = clusters;
    const found =
        name === undefined ? (others.length === 0 ? only : undefined) : clusters.find((one) => one.name === name);
    if (found !== undefined) return found;
    const names = clusters.map((cluster) => cluster.name).filter((known) => known !== "");
    const problem = name === undefined ? "the site has several clusters" : `the site has no cluster ${name}`;
    throw new PassthroughError(problem, {
        code: "CONFIG_INVALID",
        fix: names.length === 0 ? "leave --cluster out" : `name one with --cluster: ${names.join(", ")}`,
    });
}

/** As after a command before the pipe that failed: that every image of none is at the mirror would hide it. */
function nothingToLookUp(paths: readonly string[]): PassthroughError {
    return new PassthroughError("there is no Kubernetes object in it", {
        code: "KUBERNETES_FILE_INVALID",
        thing: paths.join(", "),
        fix: "give files or a folder with objects; with -, check that the command before the pipe succeeded",
    });
}

function jsonReport(stack: string, files: KubernetesFiles, images: readonly CoveredImage[]) {
    return {
        stack,
        objects: files.objects,
        images: images.map(({ problem, ...image }) => ({
            ...image,
            ...(problem === undefined ? {} : { problem: problemToJson(problem) }),
        })),
        add: imagesToAdd(images),
        unread: files.problems.map(problemToJson),
    };
}

function imagesToAdd(images: readonly CoveredImage[]): string[] {
    return [...new Set(images.flatMap(({ add }) => (add === undefined ? [] : [add])))].sort();
}

function printReport(files: KubernetesFiles, images: readonly CoveredImage[]): void {
    for (const problem of files.problems) print(`? ${withoutSecrets(formatProblem(problem))}`);
    for (const image of images) if (image.state !== "covered" && image.state !== "internal") printImage(image);
    const of = (state: CoveredImage["state"]): number => images.filter((image) => image.state === state).length;
    const internal = of("internal") === 0 ? "" : `; ${counted(of("internal"), "image")} of the cluster's own registry`;
    print(
        `${of("covered")} of ${counted(images.length - of("internal"), "image")} in ${counted(files.objects, "object")} ` +
            `can be pulled from the mirror${internal}`,
    );
    const add = imagesToAdd(images);
    if (add.length === 0) return;
    print("to add to the image set (oc-mirror: mirror.additionalImages):");
    for (const name of add) print(`  - name: ${name}`);
}

function printImage({ image, state, owners, problem }: CoveredImage): void {
    const mark = state === "unknown" ? "?" : "!";
    const reason = problem === undefined ? "the mirror does not have it" : formatProblem(problem);
    print(`${mark} ${withoutSecrets(`${image}: ${reason}`)}`);
    for (const owner of owners) print(`    ${withoutSecrets(owner)}`);
}
