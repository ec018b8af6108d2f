import { existsSync } from "node:fs";
import { arch, platform } from "node:os";
import { join } from "node:path";
import { onPath } from "./installed-tool.mjs";
import { kitPluginArchive, kubernetesPluginVersion, pluginProgram } from "./kubernetes-plugin.mjs";
import { capture } from "./process.mjs";
import { readYamlFile } from "./yaml-file.mjs";

const prefix = "registry-passthrough:";

/**
 * Installs the engine's Kubernetes plugin where the stack writes to a cluster, in the version of the npm package: from
 * the archive of the kit if there is one, else it is downloaded. Without such a stack nothing is looked for: only then
 * does the program have resources of that plugin.
 *
 * @param {import("./workspace.mjs").Workspace} place
 * @param {Pick<import("./workspace.mjs").StackFiles, "config" | "tracked">} stackFiles
 * @param {string} pulumi file of the Pulumi CLI
 * @param {NodeJS.ProcessEnv} env
 * @param {import("./progress.mjs").Progress} progress
 * @returns {Promise<void>}
 */
export async function ensureKubernetesPlugin(place, stackFiles, pulumi, env, progress) {
    const { config, tracked } = stackFiles;
    const files = [config, tracked, join(place.root, "Pulumi.yaml")].filter((file) => existsSync(file));
    if (!files.some((file) => hasAppliedCluster(readYamlFile(file)))) return;
    const version = kubernetesPluginVersion(place.root);
    const installed = join(env.PULUMI_HOME ?? "", "plugins", `resource-kubernetes-v${version}`);
    if (existsSync(installed) || onPath(pluginProgram, env).length > 0) return;
    // Without --exact, Pulumi takes a newer version for good enough to install nothing, and then does not use it.
    const install = ["plugin", "install", "resource", "kubernetes", version, "--exact"];
    const carried = kitPluginArchive(place.root, version, `${platform()}-${arch()}`);
    const file = existsSync(carried) ? ["--file", carried] : [];
    progress.note(`${file.length > 0 ? "Installing" : "Fetching"} Pulumi's Kubernetes plugin ${version} …`);
    const run = () => capture(pulumi, [...install, ...file], { env });
    const { code, stderr } = await progress.beat("installing it", run);
    if (code === 0) return;
    const reason = stderr.trim().split("\n").at(-1) ?? "";
    if (file.length > 0)
        throw new Error(`Pulumi's Kubernetes plugin could not be installed from ${carried}: ${reason}`);
    throw new Error(
        `the Pulumi plugin kubernetes ${version}, which writes to clusters, is not installed and could not be ` +
            `downloaded: ${reason}\n` +
            `Without internet: copy pulumi-resource-kubernetes-v${version}-<system>.tar.gz of ` +
            "https://github.com/pulumi/pulumi-kubernetes/releases to this machine, then run " +
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
