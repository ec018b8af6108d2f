import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The program that an archive of the plugin holds, at its top. */
export const pluginProgram = "pulumi-resource-kubernetes";

/**
 * The version of Pulumi's Kubernetes plugin that the program needs: exactly that of its npm package.
 *
 * @param {string} root of the checkout, with its packages installed
 * @returns {string} `4.32.0`
 */
export function kubernetesPluginVersion(root) {
    const file = join(root, "node_modules", "@pulumi", "kubernetes", "package.json");
    return JSON.parse(readFileSync(file, "utf8")).pulumi.version;
}

/**
 * What Pulumi calls the archive of the plugin.
 *
 * @param {string} version
 * @param {string} machine `linux-x64`
 * @returns {string} `pulumi-resource-kubernetes-v4.32.0-linux-amd64.tar.gz`
 */
export function pluginArchiveName(version, machine) {
    const [system = "", cpu = ""] = machine.split("-");
    return `${pluginProgram}-v${version}-${system}-${cpu === "x64" ? "amd64" : cpu}.tar.gz`;
}

/** Where a kit holds the archive. @param {string} root @param {string} version @param {string} machine */
export function kitPluginArchive(root, version, machine) {
    return join(root, "kit", "plugins", pluginArchiveName(version, machine));
}
