import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { onPath } from "./installed-tool.mjs";
import { capture } from "./process.mjs";

const prefix = "registry-passthrough:";

/**
 * Installs the engine's Kubernetes plugin where the stack writes to a cluster, in the version of the npm package. Without
 * such a stack nothing is looked for: only then does the program have resources of that plugin.
 *
 * @param {import("./workspace.mjs").Workspace} place
 * @param {string} configFile the stack's
 * @param {string} pulumi file of the Pulumi CLI
 * @param {NodeJS.ProcessEnv} env
 * @param {import("./progress.mjs").Progress} progress
 * @returns {Promise<void>}
 */
export async function ensureKubernetesPlugin(place, configFile, pulumi, env, progress) {
    const files = [configFile, join(place.root, "Pulumi.yaml")].filter((file) => existsSync(file));
    if (!files.some((file) => hasAppliedCluster(parse(readFileSync(file, "utf8"))))) return;
    const { version } = JSON.parse(
        readFileSync(join(place.root, "node_modules", "@pulumi", "kubernetes", "package.json"), "utf8"),
    ).pulumi;
    const installed = join(env.PULUMI_HOME ?? "", "plugins", `resource-kubernetes-v${version}`);
    if (existsSync(installed) || onPath("pulumi-resource-kubernetes", env).length > 0) return;
    const install = ["plugin", "install", "resource", "kubernetes", version];
    progress.note(`Fetching Pulumi's Kubernetes plugin ${version} …`);
    const { code, stderr } = await progress.beat("fetching it", () => capture(pulumi, install, { env }));
    if (code === 0) return;
    throw new Error(
        `the Pulumi plugin kubernetes ${version}, which writes to clusters, is not installed and could not be ` +
            `downloaded: ${stderr.trim().split("\n").at(-1) ?? ""}\n` +
            `Without internet: bring pulumi-resource-kubernetes-v${version}-<system>.tar.gz of ` +
            "https://github.com/pulumi/pulumi-kubernetes/releases, then run " +
            `npm run pulumi -- ${install.join(" ")} --file FILE`,
    );
}

/**
 * @param {unknown} document a stack file, or Pulumi.yaml
 * @returns {boolean} true if a cluster of it is written to
 */
function hasAppliedCluster(document) {
    const config = /** @type {{config?: Record<string, any>}} */ (document ?? {}).config ?? {};
    return ["site", "defaults"].some((key) => {
        const value = config[prefix + key];
        const { cluster, clusters } = value?.value ?? value ?? {};
        return [cluster, ...Object.values(clusters ?? {})].some((one) => one?.apply !== undefined);
    });
}
